#include "apps/ssgan/golden/comparison.h"
#include "apps/ssgan/golden/given_steps.h"
#include "tests/fuzz/fuzz.h"

// `ssgan step`: a batch and weights of another program; `ssgan compare`: results and a case.

using namespace gradus;
using namespace gradus::fuzz;
using namespace gradus::ssgan;

namespace {

void run_steps_of(std::string_view input) {
  const auto p = parts(input, 2);
  may_refuse([&] {
    GivenSteps g;
    g.options = preset("tutorial");
    g.options.network.g_size_mult = g.options.network.d_size_mult = 1;
    g.device = kCpu;
    may_refuse_file([&] { g.batch = load_safetensors(put("batch.safetensors", p[0])); });
    may_refuse_file([&] { g.weights = load_safetensors(put("weights.safetensors", p[1])); });
    g.max_steps = 1;
    // An index would have the whole data set drawn; many images take long.
    if (g.batch.find("index")) return;
    for (const auto& [name, t] : g.batch.tensors)
      for (const int64_t extent : t.shape().extents())
        if (extent > 4096) return;
    (void)run_steps(g);
  });
}

void run_compare(std::string_view input) {
  const auto p = parts(input, 3);
  put("expected.safetensors", p[1]);
  put("case.json", p[2]);
  may_refuse_file([&] {
    const TensorFile actual = load_safetensors(put("actual.safetensors", p[0]));
    for (const Comparison& c : compare_with_case(actual, scratch().path()))
      must(c.problem.size() <= 4000, "a message is short");
  });
}

const Harness steps("steps", run_steps_of), compare("compare", run_compare);

}  // namespace
