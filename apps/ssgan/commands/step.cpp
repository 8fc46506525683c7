#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/golden.h"

namespace gradus::ssgan {

int step(const StepCommand& c) {
  StepRequest request{
      c.options,  c.dtype, c.device, load_safetensors(c.weights), load_safetensors(c.batch),
      c.max_steps};
  TensorFile result;
  try {
    result = run_steps(request);
  } catch (const DataError& e) {
    throw DataError(
        fmt::format("weights {}, batch {}: {}", c.weights.string(), c.batch.string(), e.what()));
  }
  save_safetensors(c.out, result);
  return kDone;
}

}  // namespace gradus::ssgan
