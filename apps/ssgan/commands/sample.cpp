#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/samples.h"
#include "nn/data/png.h"

namespace gradus::ssgan {

int sample(const SampleRequest& r) {
  const Options& o = r.options;
  Generator generator(network_of(o), DType::f32, r.device);
  require_statistics(r.checkpoint, o);
  load_network(r.checkpoint, "generator.", generator);
  const Picture picture = sample_grid(generator, r.count, r.columns, o.seed,
                                      o.running_stats ? Statistics::running : Statistics::batch);
  write_png(r.out, picture);
  fmt::print("{}\n", r.out.string());
  return kDone;
}

}  // namespace gradus::ssgan
