#include <cstring>

#include "autograd/elementwise.h"
#include "nn/checkpoint.h"
#include "nn/layers.h"
#include "nn/optim.h"
#include "nn/sequential.h"
#include "tests/fuzz/fuzz.h"

// The library's own checkpoints: what is refused changes nothing.

using namespace gradus;
using namespace gradus::fuzz;

namespace {

std::map<std::string, Tensor> state_of(const Module& model, const Optimizer& optimizer) {
  std::map<std::string, Tensor> state;
  model.save(state, "model.");
  optimizer.save(state, "optimizer.");
  for (auto& [name, t] : state) t = t.clone();
  return state;
}

void run(std::string_view input) {
  Sequential model{Linear{2, 3}, relu, Linear{3, 1}};
  Adam adam(model);
  const auto before = state_of(model, adam);
  bool read = false;
  may_refuse_file([&] {
    must(load_checkpoint(put("a.safetensors", input), model, adam) >= 0, "steps");
    read = true;
  });
  if (read) return;
  for (const auto& [name, t] : state_of(model, adam))
    must(t.bytes() == 0 || std::memcmp(t.raw(), before.at(name).raw(), t.bytes()) == 0,
         "what is refused changes nothing");
}

const Harness harness("model", run);

}  // namespace
