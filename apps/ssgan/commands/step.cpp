#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/given_steps.h"

namespace gradus::ssgan {

int step(const StepRequest& r) {
  const GivenSteps given{
      r.options,  r.dtype, r.device, load_safetensors(r.weights), load_safetensors(r.batch),
      r.max_steps};
  TensorFile result;
  try {
    result = run_steps(given);
  } catch (const DataError& e) {
    throw DataError(
        fmt::format("weights {}, batch {}: {}", r.weights.string(), r.batch.string(), e.what()));
  }
  save_safetensors(r.out, result);
  return kDone;
}

}  // namespace gradus::ssgan
