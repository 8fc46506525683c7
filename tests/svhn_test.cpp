#include "nn/data/svhn.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "tensor/error.h"
#include "tests/catch.h"
#include "tests/mat_writer.h"
#include "tests/message_of.h"
#include "tests/source_dir.h"
#include "tests/temp_dir.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

/// Image n of a made-up set has the value (7 h + 3 w + 50 c + 11 n) mod 256.
uint8_t pixel(int h, int w, int c, int n) {
  return static_cast<uint8_t>(7 * h + 3 * w + 50 * c + 11 * n);
}

MatWriter made_up_images(int count) {
  MatWriter x{"X", {32, 32, 3, count}, {}};
  for (int n = 0; n < count; ++n)
    for (int c = 0; c < 3; ++c)
      for (int w = 0; w < 32; ++w)
        for (int h = 0; h < 32; ++h) x.data += static_cast<char>(pixel(h, w, c, n));
  return x;
}

MatWriter made_up_labels(std::vector<uint8_t> labels) {
  return {"y", {static_cast<int32_t>(labels.size()), 1}, raw(labels)};
}

void check_svhn_refused(const TempDir& dir, const std::string& file, const std::string& message) {
  INFO(message);
  dir.put("train_32x32.mat", file);
  CHECK_THROWS_AS(load_svhn(dir.path(), SvhnSplit::train), DataError);
  CHECK_THROWS_WITH(load_svhn(dir.path(), SvhnSplit::train),
                    ContainsSubstring("train_32x32.mat: ") && ContainsSubstring(message));
}

/// Where real data may lie; says so where it does not.
bool found(const fs::path& path) {
  if (fs::exists(path)) return true;
  std::cout << "skipped: no SVHN at " << path.string() << "\n";
  return false;
}

fs::path shared_data() { return source_dir() / ".." / "shared" / "data"; }

}  // namespace

TEST_CASE("svhn: images are transposed, labels taken from any class") {
  const TempDir dir;
  for (const int count : {1, 2, 130}) {
    std::vector<double> labels;
    for (int n = 0; n < count; ++n) labels.push_back(n % 10 + 1);
    const MatWriter y{"y", {count, 1}, raw(labels), 6, 9};
    dir.put("test_32x32.mat", mat(y.compressed() + made_up_images(count).compressed()));
    const ImageSet set = load_svhn(dir.path(), SvhnSplit::test);
    CHECK(set.count() == count);
    CHECK(!set.official);
    CHECK_THAT(set.protocol, ContainsSubstring("test_32x32.mat, MD5 ") &&
                                 ContainsSubstring(" is not the official file's"));
    REQUIRE(set.images.shape() == Shape{count, 32, 32, 3});
    const auto images = set.images.span<uint8_t>();
    size_t i = 0;
    int wrong = 0;
    for (int n = 0; n < count; ++n)
      for (int h = 0; h < 32; ++h)
        for (int w = 0; w < 32; ++w)
          for (int c = 0; c < 3; ++c) wrong += images[i++] != pixel(h, w, c, n);
    CHECK(wrong == 0);
    for (int n = 0; n < count; ++n) CHECK(set.labels.span<int32_t>()[n] == n % 10 + 1);
  }
}

TEST_CASE("svhn: a single image, whose last dimension MATLAB drops") {
  const TempDir dir;
  MatWriter x = made_up_images(1);
  x.dims.pop_back();
  dir.put("extra_32x32.mat", mat(x.plain() + made_up_labels({10}).plain()));
  CHECK(load_svhn(dir.path(), SvhnSplit::extra).images.shape() == Shape{1, 32, 32, 3});
}

TEST_CASE("svhn: every way of writing the same set") {
  const TempDir dir;
  const MatWriter x = made_up_images(2), y = made_up_labels({3, 10});
  const auto with = [](MatWriter w, auto change) {
    change(w);
    return w;
  };
  const auto check = [&](const std::string& file) {
    dir.put("train_32x32.mat", file);
    const ImageSet set = load_svhn(dir.path(), SvhnSplit::train);
    REQUIRE(set.images.shape() == Shape{2, 32, 32, 3});
    CHECK(set.labels.to_vector<int32_t>() == std::vector<int32_t>{3, 10});
    const auto bytes = set.images.to_vector<uint8_t>();
    for (const auto& [h, w, c, n] : {std::array{0, 0, 0, 0}, {31, 7, 2, 0}, {5, 31, 1, 1}})
      CHECK(bytes[static_cast<size_t>(((n * 32 + h) * 32 + w) * 3 + c)] == pixel(h, w, c, n));
  };
  const MatWriter row = with(y, [](MatWriter& w) { w.dims = {1, 2}; });
  check(mat(x.compressed() + row.compressed()));
  check(mat(row.plain() + x.plain()));
  // Numbers of 64 bits, whole, and their class's values as bytes, as MATLAB stores them.
  std::vector<double> wide(x.data.begin(), x.data.end());
  for (double& v : wide) v += v < 0 ? 256 : 0;
  check(mat(MatWriter{"X", x.dims, raw(wide), 6, 9}.compressed() + y.plain()));
  std::vector<int16_t> shorts(wide.begin(), wide.end());
  check(mat(MatWriter{"X", x.dims, raw(shorts), 10, 3}.compressed() + y.plain()));
  check(mat(with(x, [](MatWriter& w) { w.kind = 6; }).compressed() + y.plain()));
  // Between them what else a workspace has, more than once.
  const MatWriter text{"notes", {1, 4}, "text", 4, 16}, cell{"", {0, 0}, "", 1, 14};
  MatWriter complex{"z", {1, 1}, "\1", 9, 2};
  complex.flags = element(6, u32(9 | 0x0800) + u32(0));
  complex.values = small_element(2, "\1") + small_element(2, "\2");
  const std::string rest = text.plain() + cell.plain() + complex.compressed();
  check(mat(rest + x.compressed() + rest + y.compressed() + rest));
  check(mat(x.big_endian(1) + row.big_endian(1), std::string("\1\0MI", 4)));
  check(mat(x.big_endian(1) + MatWriter{"y", {2, 1}, raw<double>({3, 10}), 6, 9}.big_endian(8),
            std::string("\1\0MI", 4)));
}

TEST_CASE("svhn: a file of many arrays gives a short message") {
  const TempDir dir;
  std::string elements;
  for (int i = 0; i < 2000; ++i) elements += MatWriter{"a", {1, 1}, "x"}.plain();
  dir.put("train_32x32.mat", mat(elements));
  const std::string message =
      message_of<DataError>([&] { load_svhn(dir.path(), SvhnSplit::train); });
  CHECK_THAT(message, ContainsSubstring("it has [a, a, a, a, a, a, a, a, a, a and 1990 more]"));
}

TEST_CASE("svhn: files that are refused") {
  const TempDir dir;
  const MatWriter x = made_up_images(2);
  const MatWriter y = made_up_labels({1, 10});
  const auto x_with = [&](auto change) {
    MatWriter w = x;
    change(w);
    return mat(w.compressed() + y.compressed());
  };
  const auto y_with = [&](const MatWriter& w) { return mat(x.compressed() + w.compressed()); };
  check_svhn_refused(dir, "<!DOCTYPE html>", "looks like an HTML page");
  check_svhn_refused(dir, "{\"error\": 404}", "not a MAT file");
  check_svhn_refused(dir, mat(""), "should have the arrays X and y, but it has []");
  check_svhn_refused(dir, mat(x.compressed()), "but it has [X]: is it another file, or was");
  check_svhn_refused(dir, mat(x.compressed() + x.compressed()), "has the array X twice");
  check_svhn_refused(dir, mat(x.compressed() + y.compressed().substr(0, 20)),
                     "truncated: it ends at byte");
  check_svhn_refused(dir, x_with([](MatWriter& w) {
                       w.dims = {3, 32, 32, 2};
                     }),
                     "X should be u8 [32, 32, 3, N], but it is u8 [3, 32, 32, 2]");
  const auto x_of = [&](double v) {
    std::vector<float> values(6144, 7);
    values[6000] = static_cast<float>(v);
    return mat(MatWriter{"X", {32, 32, 3, 2}, raw(values), 7, 7}.compressed() + y.compressed());
  };
  for (const double v : {-1.0, 256.0, 0.5, 1e30})
    check_svhn_refused(dir, x_of(v),
                       fmt::format("X holds {}; its values should be", double(float(v))));
  check_svhn_refused(dir, x_of(std::nan("")), "X holds nan; its values should be");
  check_svhn_refused(dir, x_with([](MatWriter& w) { w.kind = 2; }), "but it is not numeric");
  check_svhn_refused(dir,
                     x_with([](MatWriter& w) { w.flags = element(6, u32(9 | 0x0800) + u32(0)); }),
                     "but it is complex u8 [32, 32, 3, 2]");
  check_svhn_refused(dir, x_with([](MatWriter& w) {
                       w.dims = {32, 32, 3, 0};
                       w.data.clear();
                     }),
                     "but it is u8 [32, 32, 3, 0]");
  check_svhn_refused(dir, y_with({"y", {2, 2}, "\1\2\1\2"}), "but it is u8 [2, 2]");
  check_svhn_refused(dir, y_with({"y", {1, 1, 2}, "\1\2"}), "but it is u8 [1, 1, 2]");
  check_svhn_refused(dir, y_with({"y", {1, 2}, "ab", 4, 16}), "but it is not numeric");
  check_svhn_refused(dir, y_with(made_up_labels({})), "but it is u8 [0, 1]");
  check_svhn_refused(dir, y_with(made_up_labels({1, 2, 3})), "X has 2 images, but y 3 labels");
  check_svhn_refused(dir, y_with(made_up_labels({1, 0})), "the label 0 in row 1 (counted from 0)");
  check_svhn_refused(dir, y_with(made_up_labels({11, 1})), "the label 11 in row 0");
  const auto real = [&](double v) { return y_with({"y", {2, 1}, raw<double>({1, v}), 6, 9}); };
  check_svhn_refused(dir, real(1.5), "the label 1.5 in row 1");
  check_svhn_refused(dir, real(-1e300), "the label -1e+300 in row 1");
  check_svhn_refused(dir, real(std::nan("")), "the label nan in row 1");
}

TEST_CASE("svhn: missing folders and files") {
  const TempDir dir;
  CHECK_THROWS_AS(load_svhn(dir / "no", SvhnSplit::test), DataError);
  CHECK_THROWS_WITH(load_svhn(dir / "no", SvhnSplit::test),
                    ContainsSubstring("no: no such folder") &&
                        ContainsSubstring("train_32x32.mat, test_32x32.mat") &&
                        ContainsSubstring("ufldl.stanford.edu"));
  CHECK_THROWS_WITH(load_svhn(dir.path(), SvhnSplit::extra),
                    ContainsSubstring("extra_32x32.mat: no such file") &&
                        ContainsSubstring("ufldl.stanford.edu"));
}

TEST_CASE("svhn: the real subset") {
  const char* named = std::getenv("GRADUS_DATA");
  const fs::path dir = named && *named ? fs::path(named) : shared_data() / "svhn-subset";
  for (const SvhnSplit split : {SvhnSplit::train, SvhnSplit::test}) {
    if (!found(dir / file_name(split))) continue;
    const ImageSet set = load_svhn(dir, split);
    CHECK(set.images.shape() == Shape{set.count(), 32, 32, 3});
    CHECK_THAT(set.protocol, ContainsSubstring(file_name(split)));
    const auto labels = set.labels.span<int32_t>();
    const auto zeros = std::ranges::count(labels, 10);
    if (set.count() == 7000)
      CHECK(zeros == 481);
    else if (set.count() == 1001)
      CHECK(zeros == 63);
    else if (set.count() == 73257)
      CHECK(zeros == 4948);
    else if (set.count() == 26032)
      CHECK(zeros == 1744);
  }
}

TEST_CASE("svhn: an interrupted download of a real file") {
  const fs::path file = shared_data() / "fixtures" / "svhn_extra_truncated.mat";
  if (!found(file)) return;
  const TempDir dir;
  fs::copy_file(file, dir / "extra_32x32.mat");
  CHECK_THROWS_WITH(load_svhn(dir.path(), SvhnSplit::extra),
                    ContainsSubstring("truncated: it ends at byte 454717"));
}
