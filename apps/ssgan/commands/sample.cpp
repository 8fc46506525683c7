#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/samples.h"
#include "nn/data/png.h"

namespace gradus::ssgan {

int sample(const SampleRequest& r) {
  const Options& o = r.options;
  Generator generator(network_of(o), DType::f32, r.device);
  require_statistics(r.checkpoint, o);
  load_network(r.checkpoint, "generator.", generator);
  const Statistics statistics = o.running_stats ? Statistics::running : Statistics::batch;
  const Picture picture =
      r.interpolate ? interpolation_grid(generator, r.interpolate, r.columns, o.seed, statistics)
                    : sample_grid(generator, r.count, r.columns, o.seed, statistics);
  write_png(r.out, picture);
  fmt::print("{}\n", r.out.string());
  return kDone;
}

}  // namespace gradus::ssgan
