#include "tensor/safetensors.h"

#include <cstring>

#include "tests/fuzz/fuzz.h"

// What is read can be written, and is then read as the same.

using namespace gradus;
using namespace gradus::fuzz;

namespace {

void run(std::string_view input) {
  may_refuse_file([&] {
    const TensorFile a = load_safetensors(put("a.safetensors", input));
    save_safetensors(scratch() / "b.safetensors", {a.tensors, a.metadata});
    const TensorFile b = load_safetensors(scratch() / "b.safetensors");
    must(a.metadata == b.metadata && a.tensors.size() == b.tensors.size() && b.unread.empty(),
         "the same names and metadata");
    for (const auto& [name, t] : a.tensors) {
      const Tensor& u = b.tensors.at(name);
      must(u.shape() == t.shape() && u.dtype() == t.dtype(), "the same shapes and types");
      must(t.bytes() == 0 || std::memcmp(u.raw(), t.raw(), t.bytes()) == 0, "the same bytes");
    }
  });
}

const Harness harness("safetensors", run);

}  // namespace
