#include <CLI/CLI.hpp>
#include <memory>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/model/samples.h"
#include "apps/ssgan/run/run_checkpoints.h"
#include "apps/ssgan/utf8.h"
#include "nn/data/png.h"

namespace gradus::ssgan {
namespace {

struct SampleRequest {
  Checkpoint checkpoint;
  Options options;
  Device device;
  std::filesystem::path out;
  int64_t count = 0;  ///< 0: 8 rows
  int columns = 8;
  int scale = 1;
  int64_t interpolate = 0;  ///< instead, so many rows from one noise vector to another
};

/// Writes a grid of generated images as a PNG.
int sample(const SampleRequest& r) {
  const Options& o = r.options;
  Generator generator(network_of(o), DType::f32, r.device);
  require_statistics(r.checkpoint, o);
  load_network(r.checkpoint, "generator.", generator);
  const Statistics statistics = o.running_stats ? Statistics::running : Statistics::batch;
  const Picture picture =
      r.interpolate ? interpolation_grid(generator, r.interpolate, r.columns, o.seed, statistics)
                    : sample_grid(generator, r.count ? r.count : int64_t{8} * r.columns, r.columns,
                                  o.seed, statistics);
  write_png(r.out, enlarged(picture, r.scale));
  fmt::print("{}\n", printable(r.out.string()));
  return kDone;
}

}  // namespace

void add_sample(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    RuntimeFlags runtime;
    std::string checkpoint;
    SampleRequest request;
  };
  CLI::App* app = add_command(program, "sample", "A grid of images from a checkpoint's generator",
                              "ssgan sample --checkpoint F.safetensors --out grid.png");
  auto f = std::make_shared<Flags>();
  app->add_option("--checkpoint", f->checkpoint, "File, or a run's folder: its newest")->required();
  app->add_option("--out", f->request.out, "PNG to write")->required()->check(a_png());
  CLI::Option* count = app->add_option("--count", f->request.count, "Images (else 8 rows)")
                           ->check(CLI::Range(2, 10000));
  app->add_option("--columns", f->request.columns, "Images a row")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app->add_option("--scale", f->request.scale,
                  "Pixels of the picture a pixel of an image, each way")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  app->add_option("--interpolate", f->request.interpolate,
                  "Instead, so many rows that lead from one noise vector to another, on the sphere")
      ->check(CLI::Range(1, 1000))
      ->excludes(count);
  app->add_option("--seed", f->options.seed, "Seed of the noise vectors")->check(a_seed());
  app->add_option("--eval-stats,--stats", f->options.eval_stats,
                  "Batch norm: batch (as in training, the default) or running")
      ->check(one_of({"batch", "running"}));
  f->runtime.add(*app);
  app->callback([f, &chosen] {
    chosen = [f] {
      SampleRequest& r = f->request;
      require<UsageError>(!r.interpolate || r.columns > 1,
                          "--interpolate: --columns 1 leaves no way from one vector to another");
      r.device = f->runtime.resolve();
      r.checkpoint = read_named(f->checkpoint);
      require<UsageError>(has_gan(r.checkpoint.options), "sample: {} is of a run without generator",
                          r.checkpoint.path.string());
      Options base = r.checkpoint.options;
      base.running_stats = false;
      r.options = f->options.resolve(base);
      return sample(r);
    };
  });
}

}  // namespace gradus::ssgan
