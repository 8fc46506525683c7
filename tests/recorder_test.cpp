#include <iostream>
#include <thread>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/data/digits.h"
#include "apps/ssgan/model/trainer.h"
#include "autograd/ops.h"
#include "nn/data/batches.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/emulation/emulated.h"
#include "tests/message_of.h"
#include "tests/values.h"

using namespace gradus;
using namespace gradus::ssgan;
namespace emulation = gradus::cuda::emulation;

namespace {

Options small_options(const char* name) {
  Options o = preset(name);
  o.network.g_size_mult = 2;
  o.network.d_size_mult = 4;
  o.batch_size = 6;
  return o;
}

/// Losses of every step, then all weights.
std::vector<double> train(const Options& options, DType dtype, Device device, int steps) {
  const ImageSet set = drawn_digits(12, Split::train, options.zero_as);
  Trainer trainer(options, dtype, device);
  trainer.use(set, Tensor::full({set.count()}, 1, DType::i32));
  std::vector<double> numbers;
  for (int step = 0; step < steps; ++step) {
    std::vector<int32_t> batch = shuffled(set.count(), 1, step);
    batch.resize(step == 1 ? 5 : 6);  // a partial batch is a recording of its own
    trainer.step(step, {batch}, 1e-3);
    const Metrics m = trainer.take_metrics().at(0);
    numbers.insert(numbers.end(), {m.d_real, m.d_fake, m.d_class, m.g, m.correct});
  }
  std::map<std::string, Tensor> tensors;
  trainer.save(tensors);
  for (const auto& [name, t] : tensors) {
    const Array a = to_array(t);
    numbers.insert(numbers.end(), a.v.begin(), a.v.end());
  }
  return numbers;
}

double difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

void check_steps(Device device) {
  for (const char* name : {"tutorial", "mended"}) {
    INFO(name);
    const Options o = small_options(name);
    const auto recorded = train(o, DType::f64, device, 6);
    // Adam divides by roots of gradients that are zero but for rounding.
    CHECK(difference(recorded, train(o, DType::f64, kCpu, 6)) <= 1e-2);
    CHECK(difference(train(o, DType::f64, device, 1), train(o, DType::f64, kCpu, 1)) <= 2e-3);
    backend(device).configure({.graphs = false});
    const auto eager = train(o, DType::f64, device, 6);
    backend(device).configure({});
    CHECK(recorded == eager);
  }
}

void check_rules(Device device) {
  Backend& on = backend(device);
  Tensor x = Tensor::from({1.F, 2.F}, {2}, device);
  const auto reads = on.record([&] { return x.to_vector<float>(); });
  CHECK_THAT(message_of<DeviceError>([&] { return reads->run(); }),
             ContainsSubstring("copy_to_host of 8 bytes") && ContainsSubstring("recording"));
  const auto writes = on.record([&] { return Tensor::from({1.F}, {1}, device); });
  CHECK_THAT(message_of<DeviceError>([&] { return writes->run(); }),
             ContainsSubstring("copy_from_host of 4 bytes"));
  int64_t count = 100;
  const auto grows = on.record([&] { return Tensor::zeros({count *= 2}, DType::f64, device); });
  grows->run();
  grows->run();
  CHECK_THAT(message_of<DeviceError>([&] { return grows->run(); }),
             ContainsSubstring("in a recording whose memory was planned without them"));
  // After an error everything goes on as before.
  const auto doubles = on.record([&] { return x.copy_from((Var(x) * 2).value()); });
  for (int i = 0; i < 5; ++i) doubles->run();
  CHECK(x.to_vector<float>() == std::vector<float>{32, 64});
}

}  // namespace

TEST_CASE("emulated recordings: a training step keeps the rules of a captured graph", "[cuda]") {
  emulation::emulated();
  check_steps(emulation::kEmulated);
}

TEST_CASE("emulated recordings: what a recording may not do is an error that names it", "[cuda]") {
  emulation::emulated();
  check_rules(emulation::kEmulated);
}

TEST_CASE("cuda recordings: a training step captured is the same eagerly", "[cuda][gpu]") {
  if (const auto device = cuda_device()) check_steps(*device);
}

TEST_CASE("cuda recordings: what a recording may not do is an error that names it", "[cuda][gpu]") {
  if (const auto device = cuda_device()) check_rules(*device);
}

TEST_CASE("cuda recordings: one keeps what it uses when the options change", "[cuda][gpu]") {
  const auto device = cuda_device();
  if (!device) return;
  Backend& on = backend(*device);
  const auto random = [&](const Shape& shape, uint64_t seed) {
    return to_tensor(random_array(shape, -1, 1, seed), DType::f32, *device);
  };
  const Tensor x = random({2, 8, 8, 4}, 1), w = random({6, 3, 3, 4}, 2);
  Tensor y({2, 8, 8, 6}, DType::f32, *device);
  const auto convolves = on.record([&] { y.copy_from(conv2d(x, w, {}).value()); });
  for (int i = 0; i < 4; ++i) convolves->run();
  const auto expected = y.to_vector<float>();
  on.configure({.deterministic = false});
  on.fill(0, y);
  convolves->run();
  CHECK(y.to_vector<float>() == expected);
  on.configure({});
}

TEST_CASE("cuda recordings: several devices, several threads", "[cuda][gpu]") {
  const auto first = cuda_device();
  if (!first) return;
  if (cuda_report().devices < 2) {
    std::cout << "skipped: one CUDA device\n";
    return;
  }
  const Device second{DeviceKind::cuda, 1};
  const Options o = small_options("tutorial");
  const auto expected = train(o, DType::f32, *first, 5);
  CHECK(train(o, DType::f32, second, 5) == expected);
  // A thread begins with the first device as its own; here two take the second and then each one.
  std::vector<double> in_thread, on_first, on_second;
  std::thread([&] { in_thread = train(o, DType::f32, second, 5); }).join();
  CHECK(in_thread == expected);
  std::thread one([&] { on_first = train(o, DType::f32, *first, 5); });
  std::thread other([&] { on_second = train(o, DType::f32, second, 5); });
  one.join();
  other.join();
  CHECK(on_first == expected);
  CHECK(on_second == expected);
}

TEST_CASE("recorder: on the CPU the third step and later ones ask the system for no memory") {
  Options options = preset("mended");  // whose channels are enough for Winograd's kernels
  options.batch_size = 24;
  const ImageSet set = drawn_digits(24, Split::train, options.zero_as);
  const std::vector<int32_t> batch = shuffled(set.count(), 1, 0);
  for (const int count : {1, 2, 8}) {
    INFO(count << " threads");
    const Threads threads(count);
    backend(kCpu).allocator().trim();
    Trainer trainer(options, DType::f32, kCpu);
    trainer.use(set, Tensor::full({set.count()}, 1, DType::i32));
    std::vector<size_t> calls;
    for (int step = 0; step < 6; ++step) {
      trainer.step(step, {batch}, 1e-3);
      calls.push_back(backend(kCpu).allocator().stats().raw_calls);
    }
    CHECK(calls[0] > 0);
    CHECK(calls[1] == calls[5]);
  }
}
