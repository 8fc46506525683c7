#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/data.h"
#include "apps/ssgan/evaluate.h"

namespace gradus::ssgan {

int eval(const EvalRequest& r) {
  const Options& o = r.options;
  Discriminator discriminator(network_of(o), DType::f32, r.device);
  require_statistics(r.checkpoint, o);
  load_network(r.checkpoint, "discriminator.", discriminator);
  const ImageSet test = load_images(o, Split::test);
  const double score =
      accuracy(discriminator, test, o.running_stats ? Statistics::running : Statistics::batch);
  const std::string protocol = fmt::format("{}; {} statistics{}", test.protocol,
                                           o.running_stats ? "running" : "batch", zero_protocol(o));
  if (r.json)
    fmt::print("{}\n", nlohmann::ordered_json{{"checkpoint", r.checkpoint.path.string()},
                                              {"protocol", protocol},
                                              {"images", test.count()},
                                              {"accuracy", score}}
                           .dump());
  else
    fmt::print("accuracy {:.4f} on {} images ({})\n", score, test.count(), protocol);
  return kDone;
}

}  // namespace gradus::ssgan
