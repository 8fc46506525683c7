#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/model/trainer.h"
#include "nn/data/batches.h"
#include "tensor/profiler.h"

namespace gradus::ssgan {
namespace {

struct BenchRequest {
  Options options;
  Device device;
  int64_t steps = 40;
  bool json = false;
  bool profile = false;  ///< the time of each kernel besides
};

constexpr int kWarmUp = 5;

double peak_memory_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// `best` counts each call as long as its fastest: what is left when nothing else runs.
void print_profile(const Profiler& profiler, double steps, double step_ms) {
  double ms = 0, best = 0;
  const auto row = [](double ms, double best, double calls, const std::string& what) {
    fmt::print("{:9.3f} {:9.3f} {:6g}  {}\n", ms, best, calls, what);
  };
  fmt::print("{:>9} {:>9} {:>6}  kernel and shapes, a step\n", "ms", "best", "calls");
  for (const Profiler::Row& r : profiler.rows()) {
    const double calls = static_cast<double>(r.calls) / steps;
    row(r.ms / steps, r.best_ms * calls, calls, r.kernel);
    ms += r.ms / steps;
    best += r.best_ms * calls;
  }
  row(ms, best, 1, "all kernels");
  row(step_ms - ms, 0, 1, "between kernels");
}

/// Prints the median and quartiles of a step's milliseconds. Throws UsageError for a profile on
/// another device than the CPU.
int bench(const BenchRequest& r) {
  const Options& o = r.options;
  if (r.profile && !r.device.is_cpu())
    throw UsageError("bench --profile: kernels are timed on the CPU alone; add --device cpu");
  std::optional<Profiler> profiler;
  ImageSet set = drawn_digits(o.batch_size, Split::train, o.zero_as);
  if (const int64_t side = o.network.image_size; side > kTutorialSize)
    set.images =
        Tensor::full({o.batch_size, side, side, 3}, 99, DType::u8);  // time is all it tells
  Trainer trainer(o, DType::f32, r.device);
  trainer.use(set, Tensor::full({set.count()}, 1, DType::i32));
  std::vector<int32_t> order(set.count());
  int64_t step = 0;
  /// Milliseconds a step, over `count` steps whose metrics are read at once, as a run does.
  const auto time_steps = [&](int64_t count) {
    const auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < count; ++i) {
      order = shuffled(set.count(), o.seed, step);
      trainer.step(step++, {order, o.labelled_batch}, 3e-4);
    }
    trainer.take_metrics();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    return took.count() / static_cast<double>(count);
  };
  double warm = 0;
  for (int i = 0; i < kWarmUp; ++i) warm = time_steps(1);
  const auto together = std::clamp<int64_t>(static_cast<int64_t>(20 / warm), 1, 16);
  std::vector<double> ms;
  if (r.profile) profiler.emplace();
  for (int64_t done = 0; done < r.steps; done += together) ms.push_back(time_steps(together));
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double part) {
    return ms[static_cast<size_t>(part * double(ms.size() - 1))];
  };
  const double images_per_second = 1000 * static_cast<double>(o.batch_size) / at(0.5);
  if (r.json)
    fmt::print("{}\n", nlohmann::ordered_json{{"step_ms_median", at(0.5)},
                                              {"step_ms_p25", at(0.25)},
                                              {"step_ms_p75", at(0.75)},
                                              {"images_per_second", images_per_second},
                                              {"peak_memory_mb", peak_memory_mb()}}
                           .dump());
  else
    fmt::print(
        "step {:.2f} ms (quartiles {:.2f}, {:.2f}), {:.0f} images a second, peak memory {:.0f} "
        "MB\n",
        at(0.5), at(0.25), at(0.75), images_per_second, peak_memory_mb());
  if (profiler)
    print_profile(*profiler, static_cast<double>(step - kWarmUp),
                  std::accumulate(ms.begin(), ms.end(), 0.0) / static_cast<double>(ms.size()));
  return kDone;
}

}  // namespace

void add_bench(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    RuntimeFlags runtime;
    BenchRequest request;
  };
  CLI::App* app = add_command(program, "bench", "Time a training step",
                              "ssgan bench --preset tutorial --threads 2 --batch-size 128 --json");
  auto f = std::make_shared<Flags>();
  f->options.add_network(*app);
  f->options.add_objective(*app);
  app->add_option("--batch-size", f->options.batch_size, "Real images a step, and noise vectors")
      ->check(CLI::Range(2, 1 << 20));
  app->add_flag("--no-unlabeled,--no-unlabelled", f->options.no_unlabeled,
                "The supervised baseline's step");
  app->add_option("--steps", f->request.steps, "Steps to time")
      ->check(CLI::Range(3, 1000000))
      ->capture_default_str();
  f->runtime.add(*app);
  app->add_flag("--json", f->request.json, "Print the result as JSON");
  app->add_flag("--profile", f->request.profile, "Print the time of each kernel too (on the CPU)")
      ->excludes("--json");
  app->callback([f, &chosen] {
    chosen = [f] {
      f->request.device = f->runtime.resolve();
      f->request.options = f->options.resolve();
      return bench(f->request);
    };
  });
}

}  // namespace gradus::ssgan
