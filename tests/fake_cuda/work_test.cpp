#include <dlfcn.h>

#include <iostream>
#include <map>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/data/digits.h"
#include "apps/ssgan/model/trainer.h"
#include "nn/data/batches.h"
#include "tests/catch.h"

// How much work of a CUDA device a step is. Counted by tests/fake_cuda/, beside which
// CMakeLists.txt runs this; no kernel runs.

using namespace gradus;
using namespace gradus::ssgan;

namespace {

using Works = std::map<std::string, long>;

/// What has been counted so far under `what`: work that ran, or that graphs were made of, by its
/// kind; launches, by the kernel.
Works counted(const std::string& what) {
  void* const library = dlopen("libgradus_cuda.so", RTLD_NOW | RTLD_NOLOAD);
  const auto counts =
      library ? reinterpret_cast<const Works* (*)()>(dlsym(library, "gradus_fake_cuda_counts"))
              : nullptr;
  REQUIRE(counts);
  Works works;
  for (const auto& [name, count] : *counts())
    if (name.starts_with(what + " ")) works[name.substr(what.size() + 1)] = count;
  return works;
}

Works operator-(Works a, const Works& b) {
  for (const auto& [kind, count] : b) a[kind] -= count;
  return a;
}

struct StepWork {
  Works eager, captured, launches;  ///< the last by kernel, of the eager step
};

/// Of one step on a whole batch: run as it is, and as the graph that is captured of it.
StepWork work_of_a_step(const std::string& preset_name) {
  const Device device{DeviceKind::cuda, 0};
  const Options options = preset(preset_name);
  Trainer trainer(options, DType::f32, device);
  const ImageSet set = drawn_digits(options.batch_size, Split::train, options.zero_as);
  trainer.use(set, Tensor::full({set.count()}, 1, DType::i32));
  int64_t step = 0;
  const auto run = [&] {
    trainer.step(step, {shuffled(set.count(), 1, step)}, 3e-4);
    ++step;
  };
  const auto wait = [&] { trainer.take_metrics(); };
  run(), wait();  // the first makes plans
  const Works before = counted("run"), launched = counted("launch");
  run();
  backend(device).copy_to_host(nullptr, nullptr, 0);  // waits
  StepWork work{counted("run") - before, {}, counted("launch") - launched};
  --work.eager["to_host"];
  const Works graphs = counted("graph");
  run(), wait();
  work.captured = counted("graph") - graphs;
  return work;
}

void check(const std::string& name, const Works& works, const Works& most) {
  std::string words = name + ":";
  long all = 0;
  for (const auto& [kind, count] : works) {
    if (count) words += fmt::format(" {} {}", count, kind);
    all += count;
  }
  words += fmt::format(", {} in all", all);
  std::cout << words << "\n";
  INFO(words);
  for (const auto& [kind, count] : works) {
    INFO(kind);
    const auto it = most.find(kind);
    CHECK(count <= (it == most.end() ? 0 : it->second));
  }
}

}  // namespace

// Launches decide how long a step takes. Whoever makes them fewer writes the new numbers here. What
// the host writes before a step and the row of its metrics after it are not in the graph.
TEST_CASE("device work: a step asks no more of a CUDA device than it did", "[device_work]") {
  const auto check_preset = [](const std::string& name, const Works& most) {
    const auto [eager, captured, launches] = work_of_a_step(name);
    check(name + ", eager", eager, most);
    for (const auto& [kernel, count] : launches)
      if (count) std::cout << fmt::format("  {:3} {}\n", count, kernel);
    Works in_graph = most;
    in_graph["kernel"] -= 4;
    check(name + ", captured", captured, in_graph);
  };
  check_preset("tutorial", {{"kernel", 64}, {"conv", 49}, {"matmul", 2}});
  check_preset("mended", {{"kernel", 82}, {"conv", 49}, {"matmul", 2}});
}
