#include "nn/data/mnist.h"

#include <iostream>

#include "nn/data/data_folder.h"
#include "nn/data/idx.h"
#include "tensor/error.h"
#include "tests/catch.h"
#include "tests/environment.h"
#include "tests/idx_writer.h"
#include "tests/message_of.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

/// The reader's message about a file of these bytes, which must name it.
std::string refusal(const TempDir& dir, const std::string& bytes, int rank = 2) {
  const fs::path path = dir.put("a.idx", bytes);
  const std::string message = message_of<DataError>([&] { return read_idx(path, rank); });
  CHECK(message.starts_with(path.string() + ": "));
  return message.substr(std::min(message.size(), path.string().size() + 2));
}

}  // namespace

TEST_CASE("idx: plain and compressed files") {
  const TempDir dir;
  const std::string bytes = idx({2, 3}, std::string("\0\1\2\3\xff\5", 6));
  for (const std::string& file : {bytes, gzipped(bytes)}) {
    const IdxFile read = read_idx(dir.put("a", file), 2);
    CHECK(read.values.shape() == Shape{2, 3});
    CHECK(read.values.to_vector<uint8_t>() == std::vector<uint8_t>{0, 1, 2, 3, 255, 5});
    CHECK(read.md5 == "b2f12d9e4d6875576b10bca900179c2e");
  }
  CHECK(read_idx(dir.put("b", idx({1}, "x")), 1).values.count() == 1);
  const std::string large(3'000'000, 'x');
  CHECK(read_idx(dir.put("c", gzipped(idx({3, 1'000'000}, large))), 2).values.count() == 3'000'000);
}

TEST_CASE("idx: nothing in a file is believed") {
  const TempDir dir;
  CHECK_THROWS_AS(read_idx(dir / "none", 1), DataError);
  CHECK_THROWS_WITH(read_idx(dir.path(), 1), ContainsSubstring(dir.path().string()));
  CHECK(refusal(dir, "") == "it is empty");
  for (const std::string& other :
       {std::string("<html>"), std::string("\0", 1), std::string("\0\0\x08", 3)})
    CHECK(refusal(dir, other) == "not an IDX file, which begins with two zero bytes");
  CHECK(refusal(dir, std::string("\0\0\x0d\2", 4)) ==
        "values of type 0x0d with 2 axes; unsigned bytes (0x08) with 2 expected");
  CHECK(refusal(dir, idx({1}, "x")) ==
        "values of type 0x08 with 1 axes; unsigned bytes (0x08) with 2 expected");
  const std::string whole = idx({2, 3}, "abcdef");
  CHECK(refusal(dir, whole.substr(0, 7)) == "truncated within its header");
  CHECK(refusal(dir, whole.substr(0, 17)) == "truncated: 5 of 6 values are there");
  CHECK(refusal(dir, whole + "g") == "bytes follow its 6 values");
  CHECK(refusal(dir, idx({2, 0}, "")) == "axis 1 has the size 0");
  CHECK(refusal(dir, idx({0x80000000u, 1}, "")) == "axis 0 has the size 2147483648");
  const std::string too_many =
      "damaged or truncated: it announces more values than a file of its size can hold";
  CHECK(refusal(dir, idx({0x7fffffff, 0x7fffffff}, "")) == too_many);
  CHECK(refusal(dir, idx({1000, 1000}, "abc")) == too_many);
  CHECK(refusal(dir, gzipped(idx({0x7fffffff, 0x7fffffff}, "abc"))) == too_many);
}

TEST_CASE("idx: damage in the compressed data") {
  const TempDir dir;
  std::string values;
  for (uint32_t i = 0; i < 2000; ++i) values += static_cast<char>((i * i * 2654435761u) >> 24);
  const std::string whole = gzipped(idx({2, 1000}, values));
  for (const size_t size : {whole.size() - 1, whole.size() - 8, whole.size() / 2, size_t{20}})
    CHECK_THAT(refusal(dir, whole.substr(0, size)), ContainsSubstring("truncated"));
  std::string flipped = whole;
  flipped[whole.size() - 6] = static_cast<char>(flipped[whole.size() - 6] ^ 1);  // its checksum
  CHECK_THAT(refusal(dir, flipped), ContainsSubstring("damaged"));
  CHECK_THAT(refusal(dir, gzipped(idx({2, 1000}, values + "x"))), ContainsSubstring("follow"));
  CHECK_THAT(refusal(dir, gzipped(idx({2, 1000}, values.substr(1)))),
             ContainsSubstring("1999 of 2000 values"));
}

TEST_CASE("idx: a changed byte anywhere gives other values or a DataError") {
  const TempDir dir;
  const std::string plain = idx({2, 3}, "abcdef");
  int refused = 0;
  for (const std::string& whole : {plain, gzipped(plain)})
    for (size_t at = 0; at < whole.size(); ++at)
      for (int bit = 0; bit < 8; ++bit) {
        std::string changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
        const fs::path path = dir.put("a", changed);
        try {
          const Shape shape = read_idx(path, 2).values.shape();
          CHECK(shape == Shape{2, 3});
        } catch (const DataError&) {
          ++refused;
        }
      }
  CHECK(refused > 300);
}

TEST_CASE("mnist: a border of two pixels, three equal channels, labels as they are") {
  const SmallMnist data;
  for (const auto& [split, count] : {std::pair{Split::train, 40}, {Split::test, 20}}) {
    const ImageSet set = load_mnist(data.path(), MnistKind::fashion, split);
    CHECK(set.images.shape() == Shape{count, 32, 32, 3});
    CHECK(set.classes.size() == 10);
    CHECK(set.classes[9] == "Ankle boot");
    CHECK(!set.official);
    CHECK(set.protocol == fmt::format("fashion-mnist {} set, {} images, not the official files",
                                      name(split), count));
    const auto pixels = set.images.span<uint8_t>();
    size_t wrong = 0;
    for (int n = 0; n < count; ++n) {
      CHECK(set.labels.span<int32_t>()[n] == n % 10);
      for (int i = 0; i < 32 * 32; ++i) {
        const int y = i / 32, x = i % 32;
        const bool border = y < 2 || y >= 30 || x < 2 || x >= 30;
        const int expected = border ? 0 : y == 2 && x == 2 ? 255 : 20 * (n % 10) + 10;
        for (int c = 0; c < 3; ++c) wrong += pixels[(n * 32 * 32 + i) * 3 + c] != expected;
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("mnist: files that are missing or do not fit") {
  const SmallMnist data;
  const auto refused = [&] {
    return message_of<DataError>(
        [&] { return load_mnist(data.path(), MnistKind::digits, Split::test); });
  };
  const std::string labels = (data.path() / "t10k-labels-idx1-ubyte").string();
  data.dir().put("t10k-labels-idx1-ubyte", mnist_labels(19));
  CHECK_THAT(refused(), ContainsSubstring("20 images, but " + labels + " has 19 labels"));
  data.dir().put("t10k-labels-idx1-ubyte", idx({20}, std::string(19, '\1') + '\x0a'));
  CHECK(refused() == labels + ": label 10 of image 19 (counted from 0); 0 to 9 are");
  data.dir().put("t10k-images-idx3-ubyte", idx({1, 28, 27}, std::string(28 * 27, 'x')));
  CHECK_THAT(refused(), ContainsSubstring("images of 28 x 27; 28 x 28 expected"));
  fs::remove(data.path() / "t10k-images-idx3-ubyte");
  CHECK_THAT(refused(),
             ContainsSubstring("t10k-images-idx3-ubyte: no such file, and none with .gz"));
}

TEST_CASE("mnist: where it is looked for") {
  const TempDir dir;
  const Environment data("GRADUS_DATA", dir.path().c_str());
  CHECK(find_mnist(MnistKind::digits, dir / "x") == dir / "x");
  CHECK_THAT(message_of<DataError>([] { return find_mnist(MnistKind::digits, {}); }),
             ContainsSubstring((dir / "mnist").string() + ": no such folder") &&
                 ContainsSubstring("--data-dir"));
  fs::create_directory(dir / "mnist");
  CHECK(find_mnist(MnistKind::digits, {}) == dir / "mnist");
  fs::create_directory(dir / "fashion-mnist");
  CHECK(find_mnist(MnistKind::fashion, {}) == dir / "fashion-mnist");
}

TEST_CASE("mnist: the real Fashion-MNIST") {
  const fs::path dir = "/usr/share/datasets/fashion-mnist";
  if (!fs::exists(dir)) {
    std::cout << "skipped: no " << dir.string() << " (the package dataset-fashion-mnist)\n";
    return;
  }
  for (const auto& [split, count] : {std::pair{Split::train, 60000}, {Split::test, 10000}}) {
    const ImageSet set = load_mnist(dir, MnistKind::fashion, split);
    CHECK(set.official);
    CHECK(set.count() == count);
    for (int c = 0; c < 10; ++c)
      CHECK(std::ranges::count(set.labels.span<int32_t>(), c) == count / 10);
  }
}

TEST_CASE("data: where it is looked for") {
  const Environment home("HOME", "/home/me");
  const Environment cache("XDG_CACHE_HOME", nullptr);
  const Environment data("GRADUS_DATA", nullptr);
  CHECK(data_folder("given") == "given");
  CHECK(data_folder({}) == "/home/me/.cache/gradus");
  const Environment other_cache("XDG_CACHE_HOME", "/cache");
  CHECK(data_folder({}) == "/cache/gradus");
  const Environment other_data("GRADUS_DATA", "/data");
  CHECK(data_folder({}) == "/data");
  CHECK(data_folder("given") == "given");
}
