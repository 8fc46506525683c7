#include "tensor/tensor.h"

#include <limits>

#include "tensor/backend.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/values.h"

using namespace gradus;

TEST_CASE("shape: extents, count and text", "[tensor]") {
  const Shape s{2, 3, 4};
  CHECK(s.rank() == 3);
  CHECK(s.count() == 24);
  CHECK(s[0] == 2);
  CHECK(s[-1] == 4);
  CHECK(s.with(1, 7) == Shape{2, 7, 4});
  CHECK(s.with(-1, 1) == Shape{2, 3, 1});
  CHECK(to_string(s) == "[2, 3, 4]");
  CHECK(to_string(Shape{}) == "[]");
  CHECK(Shape{}.count() == 1);
  CHECK(Shape{3, 0}.count() == 0);
  CHECK(Shape{2, 3} != Shape{2, 3, 1});
  CHECK(Shape{1, 1, 1, 1, 1, 1}.rank() == 6);
  CHECK(fmt::format("{}", s) == "[2, 3, 4]");
}

TEST_CASE("shape: broadcasting", "[tensor]") {
  CHECK(broadcast_shape("op", {2, 3}, {3}) == Shape{2, 3});
  CHECK(broadcast_shape("op", {2, 1, 4}, {3, 1}) == Shape{2, 3, 4});
  CHECK(broadcast_shape("op", {}, {2}) == Shape{2});
  CHECK(broadcast_shape("op", {1}, {0}) == Shape{0});
  CHECK(message_of<ShapeError>([] { return broadcast_shape("op", {2}, {3}); }) ==
        "op: cannot broadcast [2] with [3]");
  CHECK(normalize_axis("op", -1, 3) == 2);
  CHECK(message_of<ShapeError>([] { return normalize_axis("op", 3, 3); }) ==
        "op: axis 3 is outside a tensor of rank 3");
}

TEST_CASE("tensor: made from values", "[tensor]") {
  const Tensor t = Tensor::from({1.F, 2.F, 3.F, 4.F, 5.F, 6.F}, {2, 3});
  CHECK(t.defined());
  CHECK(t.dtype() == DType::f32);
  CHECK(t.device() == kCpu);
  CHECK(t.count() == 6);
  CHECK(t.bytes() == 24);
  CHECK(t.to_vector<float>() == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(t.span<float>()[4] == 5);
  CHECK(Tensor::full({2}, 7, DType::u8).to_vector<uint8_t>() == std::vector<uint8_t>{7, 7});
  CHECK(Tensor::zeros({2}, DType::i32).to_vector<int32_t>() == std::vector<int32_t>{0, 0});
  CHECK(Tensor::full({0, 4}, 1, DType::f64).to_vector<double>().empty());
  CHECK_FALSE(Tensor().defined());
  CHECK(message_of<ShapeError>([] {
          return Tensor::from({1.F, 2.F}, {3});
        }) == "tensor: 2 values do not fill the shape [3]");
}

TEST_CASE("tensor: copies share the bytes and clones do not", "[tensor]") {
  const Tensor t = Tensor::full({2}, 1, DType::f32);
  CHECK(t.unique());
  Tensor shared = t;
  const Tensor own = t.clone();
  CHECK_FALSE(t.unique());
  CHECK(own.unique());
  shared.mutable_span<float>()[0] = 9;
  CHECK(t.to_vector<float>() == std::vector<float>{9, 1});
  CHECK(own.to_vector<float>() == std::vector<float>{1, 1});
  CHECK(t.like().shape() == t.shape());
  const Tensor like = t.like();
  CHECK(like.raw() != t.raw());
}

TEST_CASE("tensor: reshape shares the bytes", "[tensor]") {
  const Tensor t = Tensor::from({1.0, 2.0, 3.0, 4.0, 5.0, 6.0}, {2, 3});
  const Tensor r = t.reshape({3, 2});
  CHECK(r.raw() == t.raw());
  CHECK(r.shape() == Shape{3, 2});
  CHECK(r.to_vector<double>() == t.to_vector<double>());
  CHECK(message_of<ShapeError>([&] { return t.reshape({4}); }) ==
        "reshape: 6 elements of [2, 3] do not fill [4]");
}

TEST_CASE("tensor: conversions between dtypes", "[tensor]") {
  const Tensor t = Tensor::from({0.0, 1.5, -2.75, 200.0}, {4});
  const Tensor same_dtype = t.to(DType::f64), same_device = t.to(kCpu);
  CHECK(same_dtype.raw() == t.raw());
  CHECK(same_device.raw() == t.raw());
  CHECK(t.to(DType::f32).to_vector<float>() == std::vector<float>{0, 1.5, -2.75, 200});
  CHECK(t.to(DType::i32).to_vector<int32_t>() == std::vector<int32_t>{0, 1, -2, 200});
  const Tensor bytes = Tensor::from({uint8_t{0}, uint8_t{255}}, {2});
  CHECK(bytes.to(DType::f32).to_vector<float>() == std::vector<float>{0, 255});
  CHECK(bytes.to(DType::i32).to(DType::u8).to_vector<uint8_t>() == bytes.to_vector<uint8_t>());
  // An f32 goes through f64 unchanged.
  const Tensor f = random_tensor({100}, DType::f32, 1);
  CHECK(f.to(DType::f64).to(DType::f32).to_vector<float>() == f.to_vector<float>());
}

TEST_CASE("tensor: item", "[tensor]") {
  CHECK(Tensor::full({}, 2.5, DType::f32).item() == 2.5);
  CHECK(Tensor::full({1, 1}, 7, DType::i32).item() == 7);
  CHECK(Tensor::full({1}, 255, DType::u8).item() == 255);
  CHECK(message_of<ShapeError>([] { return Tensor::full({2}, 0, DType::f32).item(); }) ==
        "item: a tensor of shape [2] is not a single value");
  CHECK(message_of<ShapeError>([] { return Tensor::full({0}, 0, DType::f32).item(); }) ==
        "item: a tensor of shape [0] is not a single value");
}

TEST_CASE("tensor: copy_from overwrites the elements", "[tensor]") {
  Tensor to = Tensor::zeros({3}, DType::f32);
  const Tensor same = to;
  to.copy_from(Tensor::from({1.F, 2.F, 3.F}, {3}));
  CHECK(same.to_vector<float>() == std::vector<float>{1, 2, 3});
  CHECK(message_of<ShapeError>([&] { return to.copy_from(Tensor::zeros({2}, DType::f32)); }) ==
        "copy: [2] into [3]");
  CHECK(message_of<TypeError>([&] { return to.copy_from(Tensor::zeros({3}, DType::f64)); }) ==
        "copy: f64 into f32");
}

TEST_CASE("tensor: reading another dtype than it holds is refused", "[tensor]") {
  const Tensor t = Tensor::zeros({2}, DType::f32);
  const std::string expected = "tensor: read as f64, but it holds f32";
  CHECK(message_of<TypeError>([&] { return t.data<double>(); }) == expected);
  CHECK(message_of<TypeError>([&] { return t.span<double>(); }) == expected);
  CHECK(message_of<TypeError>([&] { return t.to_vector<double>(); }) == expected);
}

TEST_CASE("tensor: sizes that no memory holds are refused", "[tensor]") {
  const Shape huge{int64_t{1} << 31, int64_t{1} << 30};
  CHECK(message_of<ShapeError>([&] { return Tensor(huge, DType::f64); }) ==
        "tensor: f64 [2147483648, 1073741824] is too large");
  CHECK_THAT(message_of<DeviceError>([&] { Tensor(Shape{int64_t{1} << 52}, DType::f32); }),
             ContainsSubstring("cpu: out of memory for 18014398509481984 bytes; live "));
}

TEST_CASE("tensor: a device that is not there is named", "[tensor]") {
  const Device far{DeviceKind::cuda, 99};
  CHECK(to_string(far) == "cuda:99");
  CHECK(to_string(kCpu) == "cpu");
  CHECK_THAT(message_of<DeviceError>([&] { return Tensor({2}, DType::f32, far); }),
             ContainsSubstring("cuda:99"));
  CHECK_THAT(message_of<DeviceError>([&] { return Tensor::zeros({2}, DType::f32).to(far); }),
             ContainsSubstring("cuda:99"));
}

TEST_CASE("tensor: printed as a person reads it", "[tensor]") {
  CHECK(to_string(Tensor()) == "undefined");
  CHECK(to_string(Tensor::full({}, 2.5, DType::f64)) == "f64 [] cpu\n2.5");
  CHECK(to_string(Tensor::from({1.F, -2.5F, 1e-7F}, {3})) == "f32 [3] cpu\n[1, -2.5, 1e-07]");
  CHECK(to_string(Tensor::from({1.F / 3, 2e10F}, {2})) == "f32 [2] cpu\n[0.3333, 2e+10]");
  CHECK(to_string(Tensor::from({1, 2, 3, 4, 5, 6}, {2, 3})) ==
        "i32 [2, 3] cpu\n"
        "[[1, 2, 3],\n"
        " [4, 5, 6]]");
  CHECK(to_string(Tensor::from({1, 2, 3, 4, 5, 6, 7, 8}, {2, 2, 2})) ==
        "i32 [2, 2, 2] cpu\n"
        "[[[1, 2],\n"
        "  [3, 4]],\n"
        " [[5, 6],\n"
        "  [7, 8]]]");
  CHECK(to_string(Tensor::full({2}, 200, DType::u8)) == "u8 [2] cpu\n[200, 200]");
  CHECK(to_string(Tensor::zeros({0, 3}, DType::f32)) == "f32 [0, 3] cpu\n[]");
  CHECK(to_string(Tensor::from({std::numeric_limits<double>::infinity()}, {1})) ==
        "f64 [1] cpu\n[inf]");
}

TEST_CASE("tensor: long axes are shortened in print", "[tensor]") {
  Tensor t({9}, DType::i32);
  for (int i = 0; i < 9; ++i) t.mutable_span<int32_t>()[i] = i;
  CHECK(to_string(t) == "i32 [9] cpu\n[0, 1, 2, ..., 6, 7, 8]");
  CHECK(to_string(Tensor::zeros({7}, DType::i32)) == "i32 [7] cpu\n[0, 0, 0, 0, 0, 0, 0]");
  CHECK(to_string(t.reshape({9, 1})) ==
        "i32 [9, 1] cpu\n"
        "[[0],\n"
        " [1],\n"
        " [2],\n"
        " ...,\n"
        " [6],\n"
        " [7],\n"
        " [8]]");
}
