#include "apps/ssgan/checkpoint.h"
#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/samples.h"
#include "nn/data/png.h"

namespace gradus::ssgan {

int sample(const SampleRequest& r) {
  const Options& o = r.options;
  Generator generator(network_of(o), DType::f32, r.device);
  const Checkpoint c = read_checkpoint(r.checkpoint);
  require_statistics(r.checkpoint, c, o);
  try {
    generator.load(c.tensors, "generator.");
  } catch (const DataError& e) {
    throw DataError(fmt::format("{}: {}", r.checkpoint.string(), e.what()));
  }
  const Picture picture = sample_grid(generator, r.count, r.columns, o.seed,
                                      o.running_stats ? Statistics::running : Statistics::batch);
  write_png(r.out, picture.rgb.data(), picture.width, picture.height);
  fmt::print("{}\n", r.out.string());
  return kDone;
}

}  // namespace gradus::ssgan
