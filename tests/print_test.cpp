#include "tensor/print.h"

#include <sstream>

#include "autograd/ops.h"
#include "nn/layers.h"
#include "nn/sequential.h"
#include "tests/catch.h"

using namespace gradus;

namespace {

void check_printed(const auto& value, const std::string& text) {
  std::ostringstream stream;
  stream << value;
  CHECK(stream.str() == text);
  CHECK(fmt::format("{}", value) == text);
  CHECK(fmt::format("{:>3}", value).ends_with(text));
}

}  // namespace

TEST_CASE("print: fmt and streams show tensors, Vars, shapes, devices and modules", "[print]") {
  const Tensor x = Tensor::from({1.F, -2.5F}, {1, 2});
  check_printed(x, "f32 [1, 2] cpu\n[[1, -2.5]]");
  check_printed(Tensor(), "undefined");
  check_printed(Var(x) * 2, "f32 [1, 2] cpu\n[[2, -5]]");
  check_printed(Var(), "undefined");
  check_printed(conv2d(Tensor::full({1, 1, 1, 1}, 3, DType::f32),
                       Tensor::full({1, 1, 1, 1}, 2, DType::f32), {}),
                "f32 [1, 1, 1, 1] cpu\n[[[[6]]]]");
  check_printed(Shape{2, 3}, "[2, 3]");
  check_printed(Device{DeviceKind::cuda, 1}, "cuda:1");
  const Linear layer{2, 3};
  check_printed(layer, "weight [3, 2] bias [3]\n9 parameters, 0 of them frozen");
  const Sequential model{Linear{2, 1}, relu};
  check_printed(model, to_string(static_cast<const Module&>(model)));
}
