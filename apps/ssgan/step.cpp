#include "apps/ssgan/commands.h"
#include "apps/ssgan/golden.h"

namespace gradus::ssgan {

int step(const StepCommand& c) {
  StepRequest request{
      c.options,  c.dtype, c.device, load_safetensors(c.weights), load_safetensors(c.batch),
      c.max_steps};
  save_safetensors(c.out, run_steps(request));
  return kDone;
}

}  // namespace gradus::ssgan
