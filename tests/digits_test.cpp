#include "apps/ssgan/data/digits.h"

#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "tensor/error.h"
#include "tests/catch.h"

namespace gradus::ssgan {
namespace {

constexpr size_t kBytes = 32 * 32 * 3;

/// The digits drawn with a given number of threads; the setting is put back.
DigitImages draw_with_threads(int threads, int64_t count) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(threads);
  DigitImages set = draw_digits(count, 5, Split::train);
  omp_set_num_threads(before);
  return set;
}

/// How many of the first `count` images are the same in both sets.
size_t same_images(const DigitImages& a, const DigitImages& b, size_t count) {
  size_t same = 0;
  for (size_t i = 0; i < count; ++i) {
    const auto from = a.pixels.begin() + static_cast<std::ptrdiff_t>(i * kBytes);
    same += std::equal(from, from + static_cast<std::ptrdiff_t>(kBytes),
                       b.pixels.begin() + static_cast<std::ptrdiff_t>(i * kBytes));
  }
  return same;
}

TEST_CASE("digits: sizes and the range of labels", "[digits]") {
  const DigitImages set = draw_digits(2000, 1, Split::train);
  REQUIRE(set.pixels.size() == 2000 * kBytes);
  REQUIRE(set.labels.size() == 2000);
  std::array<int, 10> seen{};
  for (int32_t label : set.labels) {
    REQUIRE(label >= 0);
    REQUIRE(label <= 9);
    ++seen[static_cast<size_t>(label)];
  }
  // Binomial with mean 200 and deviation 13.4.
  for (int n : seen) {
    CHECK(n > 130);
    CHECK(n < 270);
  }
}

TEST_CASE("digits: the same bytes in every run and for every thread count", "[digits]") {
  const DigitImages one = draw_with_threads(1, 200);
  for (int threads : {1, 2, 3, 7}) {
    const DigitImages other = draw_with_threads(threads, 200);
    CHECK(one.pixels == other.pixels);
    CHECK(one.labels == other.labels);
  }
}

TEST_CASE("digits: a shorter set is a prefix of a longer one", "[digits]") {
  const DigitImages few = draw_digits(10, 3, Split::test);
  const DigitImages many = draw_digits(100, 3, Split::test);
  CHECK(same_images(few, many, 10) == 10);
  CHECK(std::equal(few.labels.begin(), few.labels.end(), many.labels.begin()));
}

TEST_CASE("digits: splits and seeds are different streams", "[digits]") {
  const DigitImages base = draw_digits(50, 1, Split::train);
  const uint64_t high_seed = (uint64_t{1} << 32) + 1;
  for (const DigitImages& other :
       {draw_digits(50, 1, Split::test), draw_digits(50, 2, Split::train),
        draw_digits(50, high_seed, Split::train)}) {
    CHECK(same_images(base, other, 50) == 0);
    CHECK(base.labels != other.labels);
  }
}

TEST_CASE("digits: no image comes twice", "[digits]") {
  const DigitImages set = draw_digits(500, 1, Split::train);
  std::set<std::string> different;
  for (size_t i = 0; i < 500; ++i)
    different.emplace(reinterpret_cast<const char*>(&set.pixels[i * kBytes]), kBytes);
  CHECK(different.size() == 500);
}

TEST_CASE("digits: brightness, contrast and colour are those of photographs", "[digits]") {
  constexpr size_t kCount = 1000;
  const DigitImages set = draw_digits(kCount, 11, Split::train);
  double mean_of_means = 0, mean_of_deviations = 0, colour = 0;
  size_t dark = 0, bright = 0, flat = 0;
  for (size_t i = 0; i < kCount; ++i) {
    const uint8_t* p = &set.pixels[i * kBytes];
    double sum = 0, squares = 0, apart = 0;
    for (size_t j = 0; j < kBytes; ++j) {
      sum += p[j];
      squares += p[j] * p[j];
    }
    for (size_t j = 0; j < kBytes; j += 3) apart += std::abs(p[j] - p[j + 2]);
    const double mean = sum / kBytes;
    const double deviation = std::sqrt(std::max(0.0, squares / kBytes - mean * mean));
    mean_of_means += mean / kCount;
    mean_of_deviations += deviation / kCount;
    colour += apart / (kBytes / 3) / kCount;
    dark += mean < 60;
    bright += mean > 190;
    flat += deviation < 5;
  }
  CHECK(mean_of_means > 90);
  CHECK(mean_of_means < 150);
  CHECK(mean_of_deviations > 20);
  CHECK(mean_of_deviations < 60);
  CHECK(colour > 5);
  CHECK(dark > 20);
  CHECK(dark < 400);
  CHECK(bright > 20);
  CHECK(bright < 400);
  CHECK(flat < 50);
}

TEST_CASE("digits: the digit is at the middle, where it differs by label", "[digits]") {
  // With the surroundings off, a 0 is hollow and a 1 is not.
  DigitLook look;
  look.p_neighbour = look.p_plate = look.p_clutter = look.p_bricks = look.p_boards = 0;
  look.p_shadow_edge = look.p_drop_shadow = look.p_outline = 0;
  look.lighting = look.texture = {0, 0};
  look.height = {24, 24};
  look.contrast = {0.5f, 0.5f};
  look.thickness = {0.12f, 0.12f};
  look.blur = {0.5f, 0.5f};
  look.noise = {0, 0};
  look.offset_x = look.offset_y = look.rotation = look.slant = {0, 0};
  const DigitImages set = draw_digits(300, 4, Split::train, look);
  std::array<double, 10> difference{}, count{};
  for (size_t i = 0; i < 300; ++i) {
    const uint8_t* p = &set.pixels[i * kBytes];
    const size_t middle = 16 * 32 + 16, corner = 0;
    int apart = 0;
    for (size_t k = 0; k < 3; ++k) apart += std::abs(p[3 * middle + k] - p[3 * corner + k]);
    const auto label = static_cast<size_t>(set.labels[i]);
    difference[label] += apart;
    ++count[label];
  }
  CHECK(difference[0] / count[0] < 15);
  CHECK(difference[8] / count[8] > 150);
}

TEST_CASE("digits: the look decides; the labels stay", "[digits]") {
  DigitLook look;
  look.height = {10, 12};
  const DigitImages plain = draw_digits(20, 1, Split::train);
  const DigitImages small = draw_digits(20, 1, Split::train, look);
  CHECK(plain.labels == small.labels);
  CHECK(same_images(plain, small, 20) == 0);
}

TEST_CASE("digits: counts that are no counts", "[digits]") {
  const DigitImages none = draw_digits(0, 1, Split::train);
  CHECK(none.pixels.empty());
  CHECK(none.labels.empty());
  CHECK_THROWS_AS(draw_digits(-1, 1, Split::train), Error);
  CHECK_THROWS_WITH(draw_digits(-7, 1, Split::test), ContainsSubstring("-7"));
}

}  // namespace
}  // namespace gradus::ssgan
