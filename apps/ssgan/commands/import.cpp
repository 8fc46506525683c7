#include "apps/ssgan/import/import.h"

#include "apps/ssgan/commands/commands.h"

namespace gradus::ssgan {

int import_checkpoint(const ImportRequest& r) {
  std::string from = r.from;
  if (from.ends_with(".index")) from.resize(from.size() - std::string_view(".index").size());
  const Imported in = from.ends_with(".safetensors") ? import_pytorch(from, r.options)
                                                     : import_tensorflow(from, r.options);
  for (const std::string& line : in.notes) fmt::print(stderr, "{}: {}\n", from, line);
  if (in.lr)
    fmt::print(stderr, "{}: learning rate {:.4g}; a resumed run takes its own from its schedule\n",
               from, *in.lr);
  write_checkpoint(r.out, in.checkpoint);
  fmt::print("{} at step {}\n", r.out.string(), in.checkpoint.step);
  return kDone;
}

}  // namespace gradus::ssgan
