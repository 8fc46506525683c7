#include <concepts>
#include <functional>
#include <vector>

#include "autograd/ops.h"
#include "tensor/backend.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/op_cases.h"

// Reading and writing are two accesses: what writes is counted, what a temporary would leave
// dangling does not compile, and an undefined tensor says so.

using namespace gradus;

namespace {

template <class T>
concept CanRead = requires(T&& t) {
  std::forward<T>(t).template span<float>();
}
&&requires(T&& t) { std::forward<T>(t).template data<float>(); }
&&requires(T&& t) { std::forward<T>(t).raw(); };
template <class T>
concept CanReadAny = requires(T&& t) {
  std::forward<T>(t).template span<float>();
}
|| requires(T&& t) { std::forward<T>(t).template data<float>(); }
|| requires(T&& t) { std::forward<T>(t).raw(); };
template <class T>
concept CanWrite = requires(T&& t) {
  std::forward<T>(t).template mutable_span<float>();
}
|| requires(T&& t) { std::forward<T>(t).template mutable_data<float>(); }
|| requires(T&& t) { std::forward<T>(t).mutable_raw(); };

static_assert(CanRead<Tensor&> && CanRead<const Tensor&>);
static_assert(!CanReadAny<Tensor> && !CanReadAny<const Tensor>);
template <class T>
concept HasExtents = requires(T&& shape) {
  std::forward<T>(shape).extents();
};
static_assert(HasExtents<const Shape&> && !HasExtents<Shape> && !HasExtents<const Shape>);
static_assert(CanWrite<Tensor&>);
static_assert(!CanWrite<const Tensor&> && !CanWrite<Tensor>);

// What reads a value gives no way to write it, and of a temporary it gives a value.
template <class T>
using SpanOf = decltype(std::declval<T>().template span<float>());
static_assert(std::same_as<SpanOf<Tensor&>, std::span<const float>>);
static_assert(std::same_as<decltype(std::declval<Tensor&>().raw()), const void*>);
static_assert(std::same_as<decltype(std::declval<const Var&>().value()), const Tensor&>);
static_assert(std::same_as<decltype(std::declval<Var>().value()), Tensor>);
static_assert(std::same_as<decltype(std::declval<Var>().shape()), Shape>);
static_assert(std::same_as<decltype(std::declval<Tensor>().shape()), Shape>);

/// Everything that writes a tensor's bytes.
struct Writer {
  const char* name;
  std::function<void(Tensor& y)> write;
};

const Writer kWriters[] = {
    {"mutable_raw", [](Tensor& y) { static_cast<float*>(y.mutable_raw())[0] = 5; }},
    {"mutable_data", [](Tensor& y) { y.mutable_data<float>()[0] = 5; }},
    {"mutable_span", [](Tensor& y) { y.mutable_span<float>()[0] = 5; }},
    {"copy_from", [](Tensor& y) { y.copy_from(Tensor::full(y.shape(), 5, y.dtype())); }},
    {"fill", [](Tensor& y) { backend(y).fill(5, y); }},
    {"fill_uniform", [](Tensor& y) { backend(y).fill_uniform({}, 0, 1, y); }},
    {"fill_normal", [](Tensor& y) { backend(y).fill_normal({}, 0, 1, y); }},
    {"cast", [](Tensor& y) { backend(y).cast(Tensor::full(y.shape(), 5, DType::f64), y); }},
    {"unary in place", [](Tensor& y) { backend(y).unary(Exp{}, y, y); }},
    {"binary in place", [](Tensor& y) { backend(y).binary(Add{}, y, y, y); }},
    {"matmul", [](Tensor& y) { backend(y).matmul(false, false, y.clone(), y.clone(), y); }},
    {"copy_slice", [](Tensor& y) { backend(y).copy_slice(y.clone(), 0, 0, 1, 1, y); }},
    {"update", [](Tensor& y) {
       std::vector<UpdateSlot> slots{{y, y.clone(), {}, {}}};
       backend(y).update(SgdUpdate{}, Tensor::full({}, 1, DType::f64), {}, slots);
     }}};

}  // namespace

TEST_CASE("tensor: every way to write is counted, for all who share the bytes", "[tensor]") {
  for (const Writer& w : kWriters) {
    INFO(w.name);
    Tensor y = Tensor::full({2, 2}, 1, DType::f32);
    const Tensor same = y.reshape({4}), other = y.clone();
    const int64_t before = same.writes(), other_before = other.writes();
    w.write(y);
    CHECK(same.writes() > before);
    CHECK(other.writes() == other_before);
  }
}

TEST_CASE("tensor: reading is not counted", "[tensor]") {
  const Tensor x = Tensor::full({1}, 2, DType::f32);
  const int64_t before = x.writes();
  CHECK(x.span<float>()[0] + x.data<float>()[0] + x.to_vector<float>()[0] == 6);
  CHECK(x.item() + x.clone().item() + x.to(DType::f64).item() == 6);
  CHECK(to_string(x).size() > 0);
  CHECK((Var(x) * x).value().item() == 4);
  CHECK(x.writes() == before);
}

TEST_CASE("ops: no operation writes its operands", "[ops]") {
  for (const OpCase& c : op_cases()) {
    INFO(c.name);
    const auto tape = Tape::make();
    std::vector<Var> inputs;
    std::vector<int64_t> before;
    for (const Array& a : values_of(c)) {
      inputs.push_back(tape->watch(to_tensor(a, DType::f32)));
      before.push_back(inputs.back().value().writes());
    }
    const auto gradients = tape->gradients(sum(c.call(inputs)), inputs);
    for (size_t i = 0; i < inputs.size(); ++i) CHECK(inputs[i].value().writes() == before[i]);
  }
}

TEST_CASE("tensor: an undefined one has neither shape nor elements, and says so", "[tensor]") {
  const Tensor none;
  Tensor target;
  const std::function<void()> calls[] = {[&] { static_cast<void>(none.shape()); },
                                         [&] { static_cast<void>(Tensor().shape()); },
                                         [&] { static_cast<void>(none.dtype()); },
                                         [&] { static_cast<void>(none.device()); },
                                         [&] { static_cast<void>(none.count()); },
                                         [&] { static_cast<void>(none.bytes()); },
                                         [&] { static_cast<void>(none.writes()); },
                                         [&] { static_cast<void>(none.raw()); },
                                         [&] { static_cast<void>(none.data<float>()); },
                                         [&] { static_cast<void>(none.span<float>()); },
                                         [&] { static_cast<void>(target.mutable_raw()); },
                                         [&] { static_cast<void>(target.mutable_data<float>()); },
                                         [&] { static_cast<void>(target.mutable_span<float>()); },
                                         [&] { static_cast<void>(none.reshape({1})); },
                                         [&] { static_cast<void>(none.like()); },
                                         [&] { static_cast<void>(none.clone()); },
                                         [&] { static_cast<void>(none.to(kCpu)); },
                                         [&] { static_cast<void>(none.to(DType::f32)); },
                                         [&] { static_cast<void>(none.to_vector<float>()); },
                                         [&] { static_cast<void>(none.item()); },
                                         [&] { target.copy_from(Tensor::zeros({}, DType::f32)); },
                                         [&] {
                                           Tensor defined = Tensor::zeros({}, DType::f32);
                                           defined.copy_from(none);
                                         },
                                         [&] { static_cast<void>(backend(none)); },
                                         [&] { static_cast<void>(Var().shape()); },
                                         [&] { static_cast<void>(Var().dtype()); },
                                         [&] { static_cast<void>(Var().device()); }};
  for (size_t i = 0; i < std::size(calls); ++i) {
    INFO("call " << i);
    CHECK(message_of<Error>(calls[i]) ==
          "tensor: it is undefined, and has neither shape nor elements");
  }
  CHECK_FALSE(none.defined());
  CHECK(to_string(none) == "undefined");
}
