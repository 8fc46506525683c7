#include "apps/ssgan/run/checkpoint.h"

#include <nlohmann/json.hpp>

#include "apps/ssgan/model/trainer.h"
#include "apps/ssgan/run/run_checkpoints.h"
#include "tests/fuzz/fuzz.h"

// A checkpoint of ssgan, then what eval, sample and resume do with it, where its networks are
// small.

using namespace gradus;
using namespace gradus::fuzz;
using namespace gradus::ssgan;

namespace {

void run(std::string_view input) {
  may_refuse_file([&] {
    const Checkpoint c = read_checkpoint(put("a.safetensors", input));
    must(to_json(options_from_json(to_json(c.options))) == to_json(c.options), "the same options");
    require_same_network(c, c.options);
    require_same_run(c, c.options);
    must(changed_settings(c, c.options).empty(), "no setting was changed");
    const NetworkOptions& n = c.options.network;
    if (n.g_size_mult > 8 || n.d_size_mult > 8 || n.num_classes > 20) return;
    may_refuse([&] { require_statistics(c, c.options); });
    may_refuse_file([&] {
      Discriminator d(network_of(c.options), DType::f32, kCpu);
      load_network(c, "discriminator.", d);
    });
    may_refuse_file([&] {
      Generator g(network_of(c.options), DType::f32, kCpu);
      load_network(c, "generator.", g);
    });
    Trainer t(c.options, DType::f32, kCpu);
    may_refuse([&] { t.load(c.tensors); });
  });
}

const Harness harness("checkpoint", run);

}  // namespace
