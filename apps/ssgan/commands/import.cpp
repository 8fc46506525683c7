#include "apps/ssgan/import/import.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/run/checkpoint.h"
#include "apps/ssgan/say.h"
#include "apps/ssgan/utf8.h"

namespace gradus::ssgan {
namespace {

struct ImportRequest {
  std::string from;  ///< PREFIX of a TensorFlow checkpoint, or PyTorch's weights .safetensors
  std::filesystem::path out;
  Options options;
};

/// Writes another program's weights as a checkpoint (import/import.h).
int import_checkpoint(const ImportRequest& r) {
  std::string from = r.from;
  if (from.ends_with(".index")) from.resize(from.size() - std::string_view(".index").size());
  const Imported in = from.ends_with(".safetensors") ? import_pytorch(from, r.options)
                                                     : import_tensorflow(from, r.options);
  for (const std::string& line : in.notes) say("{}\n", printable(from + ": " + line));
  if (in.lr)
    say("{}: learning rate {:.4g}; a resumed run takes its own from its schedule\n",
        printable(from), *in.lr);
  write_checkpoint(r.out, in.checkpoint);
  fmt::print("{} at step {}\n", printable(r.out.string()), in.checkpoint.step);
  return kDone;
}

}  // namespace

void add_import(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    ImportRequest request;
  };
  CLI::App* app = add_command(
      program, "import", "Make a checkpoint of weights that TensorFlow or PyTorch trained",
      "ssgan import --from checkpoints/model.ckpt --out imported.safetensors");
  auto f = std::make_shared<Flags>();
  app->add_option("--from", f->request.from,
                  "PREFIX of a TensorFlow checkpoint of the printed program (PREFIX.index), or a "
                  ".safetensors file in PyTorch's layouts")
      ->required();
  app->add_option("--out", f->request.out, "Checkpoint to write")->required();
  f->options.add_network(*app);
  f->options.add_data(*app);
  app->callback([f, &chosen] {
    chosen = [f] {
      if (!f->options.preset) f->options.preset = "tutorial";
      if (!f->options.data) f->options.data = "svhn";
      f->request.options = f->options.resolve();
      return import_checkpoint(f->request);
    };
  });
}

}  // namespace gradus::ssgan
