#include "nn/data/batch_loader.h"

#include <cmath>
#include <set>

#include "nn/data/mnist.h"
#include "tensor/error.h"
#include "tests/catch.h"
#include "tests/idx_writer.h"
#include "tests/message_of.h"
#include "tests/temp_dir.h"

using namespace gradus;

namespace {

/// Image i, of 2 x 3 pixels and one channel, is of the byte i; its label is i + 100.
ImageSet numbered(int64_t n) {
  ImageSet set;
  std::vector<uint8_t> bytes;
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < n; ++i) {
    bytes.insert(bytes.end(), 6, static_cast<uint8_t>(i));
    labels.push_back(static_cast<int32_t>(i) + 100);
  }
  set.images = Tensor::from(std::span<const uint8_t>(bytes), {n, 2, 3, 1});
  set.labels = Tensor::from(std::span<const int32_t>(labels), {n});
  return set;
}

}  // namespace

TEST_CASE("batch loader: every image of any size once an epoch, with its label") {
  BatchLoader loader(numbered(10), 4, 7, DType::f64);
  CHECK(loader.per_epoch() == 3);
  std::vector<std::vector<double>> orders;
  for (const int64_t epoch : {0, 1, 0}) {
    std::vector<double> order;
    for (int64_t b = 0; b < 3; ++b) {
      const LabelledBatch batch = loader.at(epoch, b);
      const int64_t m = b == 2 ? 2 : 4;
      CHECK(batch.images.shape() == Shape{m, 2, 3, 1});
      CHECK(batch.labels.shape() == Shape{m});
      const auto pixels = batch.images.to_vector<double>();
      const auto labels = batch.labels.to_vector<int32_t>();
      for (size_t i = 0; i < labels.size(); ++i) {
        for (size_t p = 0; p < 6; ++p)
          CHECK(std::abs(pixels[6 * i + p] - ((labels[i] - 100) / 127.5 - 1)) < 1e-15);
        order.push_back(labels[i]);
      }
    }
    CHECK(std::set<double>(order.begin(), order.end()).size() == 10);
    orders.push_back(order);
  }
  CHECK(orders[0] == orders[2]);
  CHECK(orders[0] != orders[1]);
  CHECK_THROWS_WITH(loader.at(0, 3), ContainsSubstring("batch 3 of epoch 0"));
  CHECK_THROWS_AS(loader.at(0, -1), Error);
  CHECK_THROWS_AS(loader.at(-1, 0), Error);
  CHECK_THROWS_AS(BatchLoader(numbered(10), 0, 1), Error);
  ImageSet other = numbered(10);
  other.labels = numbered(9).labels;
  CHECK_THROWS_AS(BatchLoader(other, 1, 1), ShapeError);
}

TEST_CASE("batch loader: MNIST's format in its own shape") {
  const TempDir dir;
  std::string pixels;
  for (int i = 0; i < 3 * 28 * 28; ++i) pixels += static_cast<char>(i % 251);
  dir.put("train-images-idx3-ubyte", idx({3, 28, 28}, pixels));
  dir.put("train-labels-idx1-ubyte", idx({3}, std::string("\5\0\11", 3)));
  const ImageSet set = load_mnist_grey(dir.path(), MnistKind::fashion, Split::train);
  CHECK(set.images.shape() == Shape{3, 28, 28, 1});
  CHECK(set.images.to_vector<uint8_t>() == std::vector<uint8_t>(pixels.begin(), pixels.end()));
  CHECK(BatchLoader(set, 2, 1).at(0, 1).images.shape() == Shape{1, 28, 28, 1});
  CHECK(load_mnist(dir.path(), MnistKind::fashion, Split::train).images.shape() ==
        Shape{3, 32, 32, 3});
}

TEST_CASE("gather_images: arguments that do not fit are errors") {
  const ImageSet set = numbered(3);
  const auto index = [](std::vector<int32_t> rows) {
    return Tensor::from(std::span<const int32_t>(rows), {static_cast<int64_t>(rows.size())});
  };
  CHECK(gather_images(set.images, index({2, 0, 2}), DType::f32).shape() == Shape{3, 2, 3, 1});
  for (const int32_t bad : {-1, 3, INT32_MAX, INT32_MIN})
    CHECK(message_of<Error>([&] {
            (void)gather_images(set.images, index({0, bad}), DType::f32);
          }) == fmt::format("gather_images: index {} is outside [0, 3)", bad));
  CHECK_THROWS_AS(gather_images(set.images, index({0}).to(DType::f32), DType::f32), TypeError);
  CHECK_THROWS_AS(gather_images(set.images.to(DType::f32), index({0}), DType::f32), TypeError);
  CHECK_THROWS_AS(gather_images(set.images, index({0}), DType::i32), TypeError);
  CHECK_THROWS_AS(gather_images(set.images, index({0, 1}).reshape({1, 2}), DType::f32), ShapeError);
  CHECK_THROWS_AS(gather_images(Tensor::from<uint8_t>({1}, Shape{}), index({0}), DType::f32),
                  ShapeError);
}
