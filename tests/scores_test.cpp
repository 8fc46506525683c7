#include "apps/ssgan/model/scores.h"

#include <cmath>

#include "apps/ssgan/model/frechet.h"
#include "apps/ssgan/model/neighbours.h"
#include "apps/ssgan/report/picture_text.h"
#include "apps/ssgan/report/score_pictures.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace {

/// Five images and three classes.
Predictions small_predictions() {
  Predictions p;
  p.classes = 3;
  p.probabilities = {0.7, 0.2,  0.1,   // 0, right
                     0.5, 0.45, 0.05,  // 0, but it is 1
                     0.0, 0.0,  1.0,   // 2, right
                     0.1, 0.8,  0.1,   // 1, but it is 2
                     0.1, 0.1,  0.8};  // 2, right
  p.real = {0.9, 0.8, 0.7, 0.6, 0.5};
  return p;
}

Tensor small_labels() { return Tensor::from<int32_t>({0, 1, 2, 2, 2}, Shape{5}); }

Colour at(const Picture& p, int x, int y) {
  const uint8_t* rgb = &p.rgb[3 * size_t(y * p.width + x)];
  return {rgb[0], rgb[1], rgb[2]};
}

}  // namespace

TEST_CASE("scores: confusion, accuracy of classes, mistakes") {
  const Scores s = score(small_predictions(), small_labels());
  CHECK(s.accuracy == 0.6);
  REQUIRE(s.classes == 3);
  CHECK(s.confusion == std::vector<int64_t>{1, 0, 0, 1, 0, 0, 0, 1, 2});
  CHECK(s.images_of(2) == 3);
  CHECK(s.accuracy_of(0) == 1);
  CHECK(s.accuracy_of(1) == 0);
  CHECK(s.accuracy_of(2) == 2.0 / 3);
  CHECK(s.mistaken_for(0) == -1);
  CHECK(s.mistaken_for(1) == 0);
  CHECK(s.mistaken_for(2) == 1);
  CHECK(s.mistakes == std::vector<int64_t>{3, 1});

  const Tensor with_raw_zero = Tensor::from<int32_t>({3, 1, 2, 2, 2}, Shape{5});
  const Scores raw = score(small_predictions(), with_raw_zero);
  CHECK(raw.accuracy == 0.4);
  REQUIRE(raw.classes == 4);
  CHECK(raw.taken(3, 0) == 1);
  CHECK(raw.images_of(0) == 0);
  CHECK(std::isnan(raw.accuracy_of(0)));
}

TEST_CASE("scores: calibration") {
  const Scores s = score(small_predictions(), small_labels());
  REQUIRE(s.calibration.size() == 10);
  CHECK(s.calibration[5].images == 1);
  CHECK(s.calibration[7].accuracy == 1);
  CHECK(s.calibration[8].images == 2);
  CHECK(s.calibration[8].confidence == 0.8);
  CHECK(s.calibration[8].accuracy == 0.5);
  CHECK(s.calibration[9].images == 1);  // 1.0 is in the last tenth
  // One image each .5 off and .3 off, two .3 off, one right.
  CHECK(std::abs(s.calibration_error - (0.5 + 0.3 + 2 * 0.3) / 5) < 1e-12);
}

TEST_CASE("scores: an ensemble is the mean of probabilities") {
  Predictions other = small_predictions();
  other.probabilities[3] = 0.1;  // of the second image, whose class is 1
  other.probabilities[4] = 0.85;
  other.real[1] = 0.4;
  const Predictions mean = mean_of({small_predictions(), other});
  CHECK(mean.of(1)[0] == 0.3);
  CHECK(std::abs(mean.of(1)[1] - 0.65) < 1e-15);
  CHECK(std::abs(mean.real[1] - 0.6) < 1e-15);
  CHECK(mean.class_of(1) == 1);
  CHECK(accuracy(mean, small_labels()) == 0.8);
}

TEST_CASE("scores: letters in pictures") {
  CHECK(text_width("I", 1) == 3);
  CHECK(text_width("L-1", 2) == 2 * (4 + 1 + 3 + 1 + 3));
  CHECK(text_width("\xc3\xa9", 1) == 3);  // one box, not two
  CHECK(fitting("LLL", 9, 1) == "LL");
  CHECK(fitting("\xc3\xa9\xc3\xa9", 3, 1) == "\xc3\xa9");
  Picture p = blank(12, 12, {255, 255, 255});
  draw_text(p, 1, 2, "l", 2, {9, 8, 7});
  const auto is_ink = [&](int x, int y) { return at(p, x, y).g == 8; };
  for (int y = 2; y < 12; ++y) CHECK((is_ink(1, y) && is_ink(2, y)));
  CHECK(is_ink(8, 11));
  CHECK(!is_ink(3, 9));
  CHECK(!is_ink(1, 1));
  Picture up = blank(12, 12, {255, 255, 255});
  draw_text_upwards(up, 0, 12, "L", 1, {9, 8, 7});
  for (int x = 0; x < 5; ++x) CHECK(at(up, x, 11).g == 8);  // the stem lies down
  for (int y = 8; y < 12; ++y) CHECK(at(up, 4, y).g == 8);
  draw_text(up, -100, 500, "outside", 3, {1, 1, 1});
}

TEST_CASE("scores: pictures of the confusion and of mistakes") {
  const Scores s = score(small_predictions(), small_labels());
  const std::vector<std::string> names{"a", "b", "c"};
  const Picture p = confusion_picture(s, names);
  CHECK(p.width == p.height);
  const auto corner = [&](int label, int as) {  // of a cell, where no digit is
    const int edge = p.width - 6 - 3 * 40;
    return at(p, edge + as * 40, edge + label * 40).r;
  };
  CHECK(corner(0, 0) < corner(2, 2));
  CHECK(corner(2, 2) < corner(2, 1));
  CHECK(corner(2, 1) < corner(0, 1));
  CHECK(corner(0, 0) == corner(1, 0));

  Scores many;
  many.classes = 1000;
  many.confusion.resize(1000 * 1000);
  CHECK(confusion_picture(many, std::vector<std::string>(1000)).width < 8192);

  ImageSet set;
  set.images = Tensor::zeros({5, 32, 32, 3}, DType::u8);
  set.labels = small_labels();
  const auto bytes = set.images.mutable_span<uint8_t>();
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(50 * (i / 3072));
  const Picture m = mistakes_picture(s, small_predictions(), set, names, 40);
  CHECK(m.width == 2 * (128 + 8) + 8);
  CHECK(at(m, 8, 8).r == 150);  // image 3 is first
  CHECK(at(m, 8 + 136, 8).r == 50);
  CHECK(mistakes_picture(s, small_predictions(), set, names, 1).width == 128 + 16);
}

TEST_CASE("scores: Fréchet's distance of normal distributions") {
  // (0 or 2, 0 or 6): mean (1, 3), covariance diagonal (4/3, 12) over n - 1 = 3.
  const Features a{2, {0, 0, 2, 0, 0, 6, 2, 6}};
  CHECK(std::abs(frechet_distance(a, a)) < 1e-12);
  Features moved = a;
  for (size_t i = 0; i < moved.values.size(); i += 2) moved.values[i] += 3;
  CHECK(std::abs(frechet_distance(a, moved) - 9) < 1e-12);
  // Of covariances that commute: the sum of squared differences of the deviations.
  Features wider = a;
  for (size_t i = 0; i < wider.values.size(); i += 2) wider.values[i] *= 2;
  const double deviation = std::sqrt(4.0 / 3);
  CHECK(std::abs(frechet_distance(a, wider) - (1 + deviation * deviation)) < 1e-12);
  // And of those that do not: [[2, -2], [-2, 2]] / 3 against diagonal (4/3, 12). Of 2 x 2 matrices
  // the trace of the root is sqrt(tr + 2 sqrt(det)).
  const Features tilted{2, {2, 2, 0, 4, 1, 3, 1, 3}};
  const double tr = 4.0 / 3 * (2.0 / 3) + 12 * (2.0 / 3), det = 0;
  const double expected = 4.0 / 3 + 12 + 2.0 / 3 + 2.0 / 3 - 2 * std::sqrt(tr + 2 * std::sqrt(det));
  CHECK(std::abs(frechet_distance(a, tilted) - expected) < 1e-6);
  CHECK(std::abs(frechet_distance(tilted, a) - expected) < 1e-6);
  CHECK_THROWS_WITH(frechet_distance(a, {2, {NAN, 0, 1, 2, 3, 4}}), ContainsSubstring("sweeps"));
}

TEST_CASE("scores: how far mean features are apart") {
  const Features a{2, {0, 0, 2, 6}}, b{2, {4, 2, 0, 2}};  // means (1, 3) and (2, 2)
  CHECK(mean_distance(a, a) == 0);
  CHECK(mean_distance(a, b) == 0.5);
}

TEST_CASE("scores: the nearest images") {
  const auto images = [](const std::vector<uint8_t>& grey) {
    Tensor t = Tensor::zeros({int64_t(grey.size()), 2, 2, 3}, DType::u8);
    const auto bytes = t.mutable_span<uint8_t>();
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = grey[i / 12];
    return t;
  };
  // Real 0 and 10 are each other's neighbours, real 100 is beside generated 103 and 105.
  const Tensor real = images({0, 10, 100, 255}), generated = images({103, 105, 255, 0});
  const Neighbours near = neighbours_of(real, generated, 3);
  CHECK(std::abs(near.real_from_real - (10 + 10 + 90) / 3.0) < 1e-12);
  CHECK(std::abs(near.generated_from_real - (3 + 5 + 155) / 3.0) < 1e-12);
  CHECK(std::abs(near.real_by_real - 2 / 3.0) < 1e-12);
  CHECK(std::abs(near.generated_by_generated - 1) < 1e-12);
  const Neighbours same = neighbours_of(real, real, 4);  // nothing tells copies apart
  CHECK(same.generated_from_real == 0);
  CHECK(same.generated_by_generated == 0);

  const Tensor black = Tensor::zeros({2, 100, 100, 3}, DType::u8);
  Tensor white = Tensor::zeros({2, 100, 100, 3}, DType::u8);
  for (uint8_t& byte : white.mutable_span<uint8_t>()) byte = 255;
  CHECK(neighbours_of(black, white, 2).generated_from_real == 255);  // beyond 32 bits
}
