#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/data.h"
#include "apps/ssgan/trainer.h"

namespace gradus::ssgan {
namespace {

constexpr int kWarmUp = 5;

double peak_memory_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace

int bench(const BenchRequest& r) {
  const Options& o = r.options;
  const ImageSet set = drawn_digits(o.batch_size, DigitSplit::train);
  Trainer trainer(o, DType::f32, r.device);
  trainer.use(set, Tensor::full({set.count()}, 1, DType::i32));
  std::vector<int32_t> order(set.count());
  std::vector<double> ms;
  for (int64_t step = 0; step < kWarmUp + r.steps; ++step) {
    order = shuffled(set.count(), o.seed, step);
    const auto start = std::chrono::steady_clock::now();
    trainer.step(step, order, 3e-4);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    if (step >= kWarmUp) ms.push_back(took.count());
  }
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
  return kDone;
}

}  // namespace gradus::ssgan
