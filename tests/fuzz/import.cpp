#include "apps/ssgan/import/import.h"

#include "apps/ssgan/import/tf_checkpoint.h"
#include "apps/ssgan/model/trainer.h"
#include "tests/fuzz/fuzz.h"

// Other programs' weights: TensorFlow's files by themselves, and `ssgan import` of both kinds into
// the smallest networks. The first byte says which.

using namespace gradus;
using namespace gradus::fuzz;
using namespace gradus::ssgan;

namespace {

std::filesystem::path put_tensorflow(std::string_view input) {
  const auto p = parts(input, 2);
  put("m.index", p[0]);
  put("m.data-00000-of-00001", p[1]);
  return scratch() / "m";
}

void run_tf(std::string_view input) {
  may_refuse_file([&] {
    const TfCheckpoint c(put_tensorflow(input));
    for (const auto& [name, variable] : c.variables())
      may_refuse_file([&, n = name] { (void)c.read(n); });
  });
}

void run_import(std::string_view input) {
  if (input.empty()) return;
  const int kind = input[0];
  input.remove_prefix(1);
  Options o = preset("tutorial");
  o.network.g_size_mult = o.network.d_size_mult = kind & 2 ? 1 : 2;
  o.network.extra_class = kind & 4 ? 1 : 0;
  may_refuse_file([&] {
    const Imported i = kind & 1 ? import_tensorflow(put_tensorflow(input), o)
                                : import_pytorch(put("m.safetensors", input), o);
    Trainer t(i.checkpoint.options, DType::f32, kCpu);
    t.load(i.checkpoint.tensors);  // without a word
  });
}

const Harness tf("tf_checkpoint", run_tf), import("import", run_import);

}  // namespace
