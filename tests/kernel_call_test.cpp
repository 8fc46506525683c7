#include "tensor/kernel_call.h"

#include <cstdlib>

#include "tensor/backend.h"
#include "tensor/cpu/reference.h"
#include "tensor/profiler.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/values.h"

using namespace gradus;

namespace {

/// The CPU's kernels as another device, which notes what a call makes it do.
class Noting final : public cpu::Reference {
 public:
  void begin_range(const char* name) override { noted.push_back(name); }
  void end_range() noexcept override { noted.emplace_back("ends"); }
  void make_current() override { noted.emplace_back("is current"); }
  void wait(const char* kernel) override { noted.push_back(std::string("waits for ") + kernel); }
  void increment(Tensor&) override { throw Error("increment: broken"); }

  std::vector<std::string> take() { return std::exchange(noted, {}); }

 private:
  std::vector<std::string> noted;
};

Noting& install(int index) {
  auto made = std::make_unique<Noting>();
  Noting& device = *made;
  install_backend({DeviceKind::cuda, index}, std::move(made));
  return device;
}

constexpr Device kThere{DeviceKind::cuda, 28};
Noting& there() {
  static Noting& device = install(kThere.index);
  return device;
}

/// Calls of kernels on `b`, of operands there but for one, `t`, of the shape [2].
struct Call {
  const char* kernel;
  std::function<void(Backend& b, Tensor& t)> run;
};

const Call kCalls[] = {{"fill", [](Backend& b, Tensor& t) { b.fill(0, t); }},
                       {"cast", [](Backend& b, Tensor& t) { b.cast(t, t); }},
                       {"unary",
                        [](Backend& b, Tensor& t) {
                          Tensor y({2}, DType::f32, b.device());
                          b.unary(Exp{}, t, y);
                        }},
                       {"binary",
                        [](Backend& b, Tensor& t) {
                          Tensor y({2}, DType::f32, b.device());
                          b.binary(Add{}, y, t, y);
                        }},
                       {"reduce",
                        [](Backend& b, Tensor& t) {
                          Tensor y({1}, DType::f32, b.device());
                          b.reduce(Reduction::sum, t, y);
                        }},
                       {"fill_uniform",
                        [](Backend& b, Tensor& t) {
                          Tensor y({2}, DType::f32, b.device());
                          b.fill_uniform({.step = t}, 0, 1, y);
                        }},
                       {"conv_grad_input",
                        [](Backend& b, Tensor& t) {
                          Tensor x = Tensor::zeros({1, 1, 1, 2}, DType::f32, b.device());
                          const Tensor w = Tensor::zeros({2, 1, 1, 2}, DType::f32, b.device());
                          b.conv_grad_input({}, w, x.clone(), {t, {}}, x);
                        }},
                       {"normalize",
                        [](Backend& b, Tensor& t) {
                          Tensor x = Tensor::zeros({1, 2}, DType::f32, b.device());
                          const Tensor c = Tensor::zeros({2}, DType::f32, b.device());
                          b.normalize({c, c, c, t, 1}, {}, x, x);
                        }},
                       {"update", [](Backend& b, Tensor& t) {
                          std::vector<UpdateSlot> slots{{t, t, {}, {}}};
                          b.update(SgdUpdate{}, Tensor::zeros({}, DType::f64, b.device()), {},
                                   slots);
                        }}};

}  // namespace

TEST_CASE("kernel call: an operand on another device is an error, and nothing is computed",
          "[kernels]") {
  there();
  for (const auto& [on, other] : {std::pair{kCpu, kThere}, std::pair{kThere, kCpu}})
    for (const auto& [kernel, run] : kCalls) {
      Tensor t = Tensor::full({2}, 3, DType::f32, other);
      CHECK(message_of<DeviceError>([&] { return run(backend(on), t); }) ==
            fmt::format("{}: it runs on {}, but an operand [2] is on {}", kernel, to_string(on),
                        to_string(other)));
      CHECK(t.to_vector<float>() == std::vector<float>{3, 3});
    }
}

TEST_CASE("kernel call: a scalar on another device is an operand, too", "[kernels]") {
  there();
  Tensor x = Tensor::zeros({2}, DType::f32, kThere);
  std::vector<UpdateSlot> slots{{x, x.clone(), {}, {}}};
  CHECK(message_of<DeviceError>([&] {
          return backend(kThere).update(SgdUpdate{}, Tensor::zeros({}, DType::f64), {}, slots);
        }) == "update: it runs on cuda:28, but an operand [] is on cpu");
}

TEST_CASE("kernel call: the device is made current before each kernel, within a range",
          "[kernels]") {
  Tensor x = Tensor::full({3}, 4, DType::f32, there().device());
  there().take();
  backend(x).unary(Exp{}, x, x);
  CHECK(there().take() == std::vector<std::string>{"unary", "is current", "ends"});
  static_cast<void>(x.to_vector<float>());
  CHECK(there().take() == std::vector<std::string>{"copy_to_host", "is current", "ends"});
  // A range ends where the kernel throws.
  Tensor counter = Tensor::full({}, 0, DType::i32, kThere);
  there().take();
  CHECK(message_of<Error>([&] { return backend(counter).increment(counter); }) ==
        "increment: broken");
  CHECK(there().take() == std::vector<std::string>{"increment", "is current", "ends"});
}

TEST_CASE("kernel call: a profiler waits for the kernel", "[kernels][profiler]") {
  there();
  Tensor x = Tensor::full({3}, 4, DType::f32, kThere);
  there().take();
  Profiler profiler;
  backend(x).unary(Exp{}, x, x);
  CHECK(there().take() ==
        std::vector<std::string>{"unary", "is current", "waits for unary", "ends"});
  REQUIRE(profiler.rows().size() == 1);
  CHECK(profiler.rows()[0].kernel == "unary exp [3]");
}

TEST_CASE("kernel call: with GRADUS_SYNC=1 each kernel is waited for", "[kernels]") {
  setenv("GRADUS_SYNC", "1", 1);
  Noting& device = install(29);
  unsetenv("GRADUS_SYNC");
  Tensor x({3}, DType::f32, device.device());
  backend(x).fill(1, x);
  CHECK(device.take() == std::vector<std::string>{"fill", "is current", "waits for fill", "ends"});
}
