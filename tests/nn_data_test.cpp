#include <algorithm>
#include <map>
#include <numeric>

#include "apps/ssgan/data/visible_labels.h"
#include "nn/data/batches.h"
#include "tests/catch.h"
#include "tests/message_of.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace {

std::vector<int32_t> sorted(std::vector<int32_t> v) {
  std::sort(v.begin(), v.end());
  return v;
}

std::vector<int32_t> first(int64_t n) {
  std::vector<int32_t> v(n);
  std::iota(v.begin(), v.end(), 0);
  return v;
}

std::vector<int32_t> epoch_of(Batches& batches, int64_t epoch) {
  std::vector<int32_t> all;
  for (int64_t i = 0; i < batches.per_epoch(); ++i)
    for (const int32_t image : batches.at(epoch, i)) all.push_back(image);
  return all;
}

/// Images without content, whose labels are 1, 2, ..., 10, 1, ...
ImageSet labelled(int64_t n) {
  ImageSet set;
  set.classes.resize(10, "c");
  set.labels = Tensor({n}, DType::i32);
  for (int64_t i = 0; i < n; ++i) set.labels.mutable_span<int32_t>()[i] = int32_t(i % 10 + 1);
  return set;
}

}  // namespace

TEST_CASE("batches: an epoch shows each image once", "[nn][batches]") {
  for (const int64_t n : {1, 2, 10, 1000}) CHECK(sorted(shuffled(n, 5, 3)) == first(n));
  CHECK(shuffled(1000, 5, 3) != first(1000));
  Batches batches(10, 4, 7);
  CHECK(batches.per_epoch() == 3);
  CHECK(batches.at(0, 0).size() == 4);
  CHECK(batches.at(0, 2).size() == 2);
  for (int64_t epoch = 0; epoch < 5; ++epoch) CHECK(sorted(epoch_of(batches, epoch)) == first(10));
  Batches whole(8, 4, 7), large(3, 100, 7);
  CHECK(whole.per_epoch() == 2);
  CHECK(large.per_epoch() == 1);
  CHECK(sorted(large.at(4, 0)) == first(3));
}

TEST_CASE("batches: a batch is a function of seed and place alone", "[nn][batches]") {
  Batches forwards(100, 32, 7), backwards(100, 32, 7), other(100, 32, 8);
  std::map<std::pair<int64_t, int64_t>, std::vector<int32_t>> seen;
  for (int64_t epoch = 0; epoch < 3; ++epoch)
    for (int64_t i = 0; i < 4; ++i) seen[{epoch, i}] = forwards.at(epoch, i);
  for (int64_t epoch = 2; epoch >= 0; --epoch)
    for (int64_t i = 3; i >= 0; --i) CHECK(backwards.at(epoch, i) == seen[{epoch, i}]);
  CHECK(seen[{0, 0}] != seen[{1, 0}]);
  CHECK(other.at(0, 0) != seen[{0, 0}]);
  Batches far(100, 32, 7 + (uint64_t{1} << 40));
  CHECK(far.at(0, 0) != seen[{0, 0}]);
}

TEST_CASE("batches: every order is about as likely", "[nn][batches]") {
  std::map<std::vector<int32_t>, int> counts;
  for (int64_t epoch = 0; epoch < 6000; ++epoch) ++counts[shuffled(3, 1, epoch)];
  CHECK(counts.size() == 6);
  for (const auto& [order, count] : counts) CHECK(std::abs(count - 1000) < 150);
}

TEST_CASE("batches: empty sets and batches are refused", "[nn][batches]") {
  CHECK(message_of<DataError>([] { return Batches(0, 4, 1); }) == "batches: the set is empty");
  CHECK(message_of<Error>([] { return Batches(4, 0, 1); }) ==
        "batches: the batch size must be positive, got 0");
}

TEST_CASE("labels: choices as text", "[nn][batches]") {
  for (const char* text : {"first:1000", "per-class:100"})
    CHECK(to_string(parse_label_choice(text)) == text);
  CHECK(parse_label_choice("first:7").n == 7);
  for (const std::string text :
       {"", "first", "first:", "first:0", "first:-1", "first:1x", "per-class: 3", "perclass:3",
        "all:3", "first:99999999999999999999"})
    CHECK(message_of<Error>([&] { return parse_label_choice(text); }) ==
          "labels " + text + ": expected first:N or per-class:N with N above 0");
}

TEST_CASE("labels: the first N, or N of each class from the seed", "[nn][batches]") {
  const ImageSet set = labelled(200);
  const auto mask = [&](const char* choice, uint64_t seed) {
    return choose_labelled(set, parse_label_choice(choice), seed).to_vector<int32_t>();
  };
  std::vector<int32_t> leading(200, 0);
  std::fill_n(leading.begin(), 30, 1);
  CHECK(mask("first:30", 1) == leading);
  CHECK(mask("first:30", 2) == leading);
  CHECK(mask("first:200", 1) == std::vector<int32_t>(200, 1));

  const std::vector<int32_t> chosen = mask("per-class:3", 1);
  int of_class[10] = {};
  for (int i = 0; i < 200; ++i) of_class[i % 10] += chosen[i];
  for (const int n : of_class) CHECK(n == 3);
  CHECK(mask("per-class:3", 1) == chosen);
  CHECK(mask("per-class:3", 2) != chosen);
  CHECK(mask("per-class:20", 1) == std::vector<int32_t>(200, 1));
}

TEST_CASE("labels: more than there are is refused", "[nn][batches]") {
  const ImageSet set = labelled(25);
  const auto choose = [&](const char* text) {
    return message_of<DataError>([&] { return choose_labelled(set, parse_label_choice(text), 1); });
  };
  CHECK(choose("first:26") == "labels first:26: the training set has 25 images only");
  CHECK(
      choose("per-class:3") ==
      "labels per-class:3: the training set has 2 images of c only; --labels per-class:2 would do");
}
