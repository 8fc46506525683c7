#include <filesystem>
#include <functional>
#include <regex>
#include <set>

#include "tensor/cpu/cpu.h"
#include "tensor/file.h"
#include "tests/catch.h"
#include "tests/devices.h"
#include "tests/emulation/emulated.h"
#include "tests/emulation/fibres.h"
#include "tests/message_of.h"
#include "tests/op_cases.h"
#include "tests/source_dir.h"

// Kernels of the CUDA backend that no row of the table of operations reaches, the emulation itself,
// and that no kernel is left without a test.

using namespace gradus;
namespace emulation = gradus::cuda::emulation;

namespace {

/// Calls kernel(backend, device) on the CPU and on `device`, and compares what they return.
void compare(Device device, double tolerance,
             const std::function<Tensor(Backend&, Device)>& kernel) {
  const Array expected = to_array(kernel(backend(kCpu), kCpu));
  CHECK(error_of(to_array(kernel(backend(device), device)), expected) <= tolerance);
}

Tensor draw_step(int32_t step, Device device) { return Tensor::from({step}, {}, device); }

void check_fill_and_cast(Device device) {
  const DType dtypes[] = {DType::f32, DType::f64, DType::i32, DType::u8};
  for (const DType from : dtypes) {
    compare(device, 0, [&](Backend&, Device d) { return Tensor::full({3, 7}, 5, from, d); });
    for (const DType to : dtypes)
      compare(device, 0, [&](Backend&, Device d) {
        return to_tensor(random_array({1003}, 0, 200, 3), from, d).to(to);
      });
  }
}

void check_random(Device device) {
  for (const DType dtype : {DType::f32, DType::f64})
    for (const int64_t n : {1, 5, 4096, 10007}) {
      compare(device, 0, [&](Backend& b, Device d) {
        Tensor y({n}, dtype, d);
        b.fill_uniform({0x123456789, Stream::train, 2, draw_step(9, d)}, -1, 1, y);
        return y;
      });
      compare(device, 1e-6, [&](Backend& b, Device d) {
        Tensor y({n}, dtype, d);
        b.fill_normal({77, Stream::init, 0, {}}, 0.5, 2, y);
        return y;
      });
    }
}

/// Images of bytes to numbers: rows of a multiple of four, and others.
void check_gather(Device device) {
  for (const int64_t width : {12, 7, 3072})
    for (const DType dtype : {DType::f32, DType::f64})
      compare(device, 1e-6, [&](Backend& b, Device d) {
        const Tensor x = to_tensor(random_array({9, width}, 0, 255, 4), DType::u8, d);
        const Tensor index = Tensor::from({8, 0, 3, 3, 5}, {5}, d);
        Tensor y({5, width}, dtype, d);
        b.gather(x, index, 1 / 127.5, -1, y);
        return y;
      });
}

void check_counting(Device device) {
  compare(device, 0, [](Backend& b, Device d) {
    Tensor counter = Tensor::from({41}, {}, d);
    b.increment(counter);
    return counter;
  });
  for (const int64_t k : {1, 3, 10})
    compare(device, 0, [k](Backend& b, Device d) {
      const Tensor x = to_tensor(random_array({37, 10}, 0, 3, 5), DType::i32, d).to(DType::f32);
      Tensor values({37, k}, DType::f32, d), index({37, k}, DType::i32, d);
      b.top_k(x, values, index);
      return concat(std::vector<Var>{values, index.to(DType::f32)}, 0).value();
    });
  compare(device, 0, [](Backend& b, Device d) {
    Tensor y({4, 10}, DType::f32, d);
    b.one_hot(Tensor::from({3, 10, -1, 0}, {4}, d), y);
    return y;
  });
}

/// Cross-entropies that the table, held against differences, has no rows for.
void check_cross_entropy(Device device) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const double tolerance = dtype == DType::f64 ? 1e-14 : 1e-6;
    // Logits whose exponentials are infinite.
    compare(device, tolerance, [&](Backend&, Device d) {
      const Tensor logits = to_tensor(random_array({3, 5}, -1000, 1000, 6), dtype, d);
      return softmax_cross_entropy(logits, Tensor::full({3, 5}, 1, dtype, d)).value();
    });
    // Rows without labels, whose gradient is the softmax.
    compare(device, tolerance, [&](Backend&, Device d) {
      const auto tape = Tape::make();
      const Var logits = tape->watch(to_tensor(random_array({3, 5}, -2, 2, 6), dtype, d));
      const Var losses = softmax_cross_entropy(logits, Tensor::zeros({3, 5}, dtype, d));
      return tape->gradients(sum(losses), std::vector{logits}).at(0);
    });
  }
}

/// Many parameters of uneven sizes, three steps: value, m and v, one after another.
void check_update(Device device, const UpdateFn& fn, DType dtype) {
  compare(device, dtype == DType::f64 ? 1e-14 : 1e-6, [&](Backend& b, Device d) {
    std::vector<UpdateSlot> slots;
    const bool uses_m = std::visit([](auto f) { return f.uses_m(); }, fn);
    const bool uses_v = std::visit([](auto f) { return f.uses_v(); }, fn);
    for (int i = 0; i < 70; ++i) {
      const Shape shape{i % 3 ? 1 + 37 * i : 0};
      slots.push_back({to_tensor(random_array(shape, -1, 1, i), dtype, d),
                       to_tensor(random_array(shape, -1, 1, i + 100), dtype, d),
                       uses_m ? Tensor::zeros(shape, dtype, d) : Tensor(),
                       uses_v ? Tensor::zeros(shape, dtype, d) : Tensor()});
    }
    const Tensor lr = Tensor::full({}, 1e-2, DType::f64, d);
    Tensor t = Tensor::from({0}, {}, d);
    for (int step = 0; step < 3; ++step) {
      b.increment(t);
      b.update(fn, lr, t, slots);
    }
    std::vector<Var> all;
    for (const UpdateSlot& s : slots)
      for (const Tensor& x : {s.value, s.m, s.v})
        if (x.defined()) all.push_back(x);
    return concat(all, 0).value();
  });
}

/// Batch norm of a convolution's output, one kernel after another, so that on a device where they
/// wait each leaves its part to the next; with small calls `between` moments and normalize.
Tensor batch_norm_results(Backend& b, Device d, DType dtype, int64_t images, int64_t channels,
                          int between) {
  const auto random = [&](const Shape& shape, unsigned seed) {
    return to_tensor(random_array(shape, -1, 1, seed), dtype, d);
  };
  const Tensor x = random({images, 15, 15, 2}, 1), w = random({channels, 1, 1, 2}, 2);
  Tensor bias = random({channels}, 3), gamma = random({channels}, 4), running = gamma.clone();
  const Tensor beta = random({channels}, 5);
  Tensor made({images, 15, 15, channels}, dtype, d), y = made.like(), mean = bias.like(),
                                                     variance = bias.like();
  b.conv({}, x, w, {bias, {}}, made);
  b.moments(made, mean, variance);
  if (between > 0) b.binary(Add{}, running, mean, running);  // reads what is not there yet
  if (between == 2) b.binary(Add{}, gamma, variance, gamma);
  if (between == 3) b.fill(7, bias);
  if (between == 4) b.copy_slice(bias.reshape({1, 1, 1, channels}), 0, 0, 0, 1, made);
  b.normalize({mean, variance, gamma, beta, 1e-3}, LeakyRelu{0.2}, made, y);
  std::vector<Var> all;
  for (const Tensor& t : {made, y, mean, variance, running, bias, gamma})
    all.push_back(t.reshape({t.count()}));
  return concat(all, 0).value();
}

/// Of few rows and many, packs of channels and single ones.
void check_batch_norm(Device device) {
  for (const int64_t channels : {8, 3})
    for (const int64_t images : {2, 40})
      for (const DType dtype : {DType::f32, DType::f64})
        for (const int between : {0, 1, 2, 3, 4})
          compare(device, 1e-5, [&](Backend& b, Device d) {
            return batch_norm_results(b, d, dtype, images, channels, between);
          });
}

void check_all(Device device) {
  check_fill_and_cast(device);
  check_random(device);
  check_gather(device);
  check_counting(device);
  check_cross_entropy(device);
  check_batch_norm(device);
  const UpdateFn updates[] = {AdamUpdate{.weight_decay = 0.1},
                              AdamUpdate{.epsilon_hat = false},
                              SgdUpdate{},
                              SgdUpdate{0.9},
                              RmsPropUpdate{.momentum = 0.9},
                              EmaUpdate{}};
  for (const UpdateFn& fn : updates)
    for (const DType dtype : {DType::f32, DType::f64}) check_update(device, fn, dtype);
}

}  // namespace

TEST_CASE("emulated kernels: fills, random numbers, gathers, updates agree with the CPU's",
          "[cuda]") {
  cpu::Memory& memory = emulation::emulated().memory();
  memory.use_guard_bands(true);
  for (const uint64_t seed : {0, 3}) {
    emulation::set_order(seed);
    check_all(emulation::kEmulated);
  }
  emulation::set_order(0);
  CHECK(memory.damaged_bands() == 0);
  memory.use_guard_bands(false);
}

TEST_CASE("cuda: fills, random numbers, gathers, updates agree with the CPU's", "[cuda][gpu]") {
  if (const auto device = cuda_device()) check_all(*device);
}

TEST_CASE("emulated kernels: each kernel in cuda/ was run", "[cuda]") {
  for (const bool together : {true, false}) {
    emulation::emulated().postpone(together);
    check_all(emulation::kEmulated);
    for (const OpCase& c : op_cases()) run(c, DType::f32, emulation::kEmulated);
  }
  emulation::emulated().postpone(true);
  std::set<std::string> written;
  const std::regex kernel(R"(__global__\s+void\s+(?:__launch_bounds__\([^)]*\)\s*)?(\w+)\()");
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "cuda"))
    if (entry.path().extension() == ".cu") {
      const auto bytes = read_file(entry.path());
      const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      for (std::sregex_iterator it(text.begin(), text.end(), kernel), end; it != end; ++it)
        written.insert((*it)[1]);
    }
  CHECK(written.size() > 20);
  for (const std::string& name : written) {
    INFO("the kernel " << name << " has no test");
    CHECK(emulation::launched_kernels().count(name) == 1);
  }
}

TEST_CASE("emulation: threads meet at barriers in any order", "[cuda]") {
  for (const uint64_t seed : {0, 1, 2, 3}) {
    emulation::set_order(seed);
    constexpr unsigned kThreads = 96;
    std::vector<int> shared(kThreads), sums(kThreads);
    std::vector<uint64_t> partners(kThreads);
    emulation::run_grid({2}, {kThreads}, [&] {
      const unsigned i = emulation::threadIdx.x;
      shared[i] = static_cast<int>(i * (emulation::blockIdx.x + 1));
      emulation::block_barrier();
      int sum = 0;
      for (const int v : shared) sum += v;
      sums[i] = sum;
      emulation::block_barrier();
      partners[i] = emulation::exchange(i, 5);
    });
    CHECK(sums == std::vector<int>(kThreads, 2 * kThreads * (kThreads - 1) / 2));
    for (unsigned i = 0; i < kThreads; ++i) CHECK(partners[i] == (i ^ 5));
  }
  emulation::set_order(0);
}

TEST_CASE("emulation: a missing barrier shows in some order", "[cuda]") {
  int wrong = 0;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    emulation::set_order(seed);
    int written = 0, seen = 0;
    emulation::run_grid({1}, {64}, [&] {
      if (emulation::threadIdx.x == 0) written = 1;
      if (emulation::threadIdx.x == 63) seen = written;
    });
    wrong += seen == 0;
  }
  emulation::set_order(0);
  CHECK(wrong > 0);
}

TEST_CASE("emulation: threads that wait for ever are an error", "[cuda]") {
  const std::string message = message_of<Error>([] {
    emulation::run_grid({1}, {64}, [] {
      if (emulation::threadIdx.x < 32)
        emulation::block_barrier();
      else
        emulation::warp_barrier(), emulation::exchange(0, 1), emulation::block_barrier();
    });
    emulation::run_grid({1}, {2}, [] {
      return emulation::threadIdx.x == 0 ? emulation::block_barrier() : emulation::warp_barrier();
    });
  });
  CHECK_THAT(message, ContainsSubstring("wait for each other for ever"));
}
