#include "apps/ssgan/import/tf_checkpoint.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "nn/crc32c.h"
#include "tensor/error.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

using namespace gradus;
using namespace gradus::ssgan;
namespace fs = std::filesystem;

namespace {

// What TensorFlow would write, byte by byte. import_test.cpp reads what it did write.

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  return bytes + static_cast<char>(value);
}

template <class T>
std::string fixed(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

std::string number(int id, uint64_t value) { return varint(id << 3) + varint(value); }
std::string text(int id, const std::string& value) {
  return varint(id << 3 | 2) + varint(value.size()) + value;
}

std::string shape(std::initializer_list<uint64_t> extents) {
  std::string dims;
  for (const uint64_t e : extents) dims += text(2, number(1, e));
  return text(2, dims);
}

std::string variable(uint64_t dtype, const std::string& shape, uint64_t offset,
                     const std::string& data) {
  return number(1, dtype) + shape + number(4, offset) + number(5, data.size()) +
         varint(6 << 3 | 5) + fixed(masked_crc32c(data));
}

using Entries = std::vector<std::pair<std::string, std::string>>;

std::string block(const Entries& entries) {
  std::string bytes, last;
  for (const auto& [key, value] : entries) {
    size_t shared = 0;
    while (shared < last.size() && shared < key.size() && last[shared] == key[shared]) ++shared;
    bytes += varint(shared) + varint(key.size() - shared) + varint(value.size()) +
             key.substr(shared) + value;
    last = key;
  }
  return bytes + fixed<uint32_t>(0) + fixed<uint32_t>(1);
}

/// A file of these blocks, of which the index tells.
std::string table(const std::vector<std::string>& blocks, char compression = 0) {
  std::string bytes;
  const auto put = [&](const std::string& content) {
    const std::string handle = varint(bytes.size()) + varint(content.size());
    const std::string sealed = content + compression;
    bytes += sealed + fixed(masked_crc32c(sealed));
    return handle;
  };
  Entries index;
  for (const std::string& b : blocks)
    index.emplace_back(std::string(1, static_cast<char>('a' + index.size())), put(b));
  std::string footer = put(block({}));
  footer += put(block(index));
  footer.resize(40);
  return bytes + footer + fixed(uint64_t{0xdb4775248b80fb57});
}

const std::string kHeader = number(1, 1) + text(3, number(1, 1));
const std::string kFour = fixed(1.5f), kEight = fixed(2.0f) + fixed(-3.0f);
const Entries kGood{{"", kHeader},
                    {"layer/bias", variable(1, shape({}), 0, kFour)},
                    {"layer/kernel", variable(1, shape({2, 1}), 4, kEight)}};

void put_checkpoint(const TempDir& dir, const std::string& index) {
  dir.put("c.data-00000-of-00001", kFour + kEight);
  dir.put("c.index", index);
}

/// Reads everything; false where it is refused. Anything but DataError goes on.
bool loads(const fs::path& prefix) {
  try {
    const TfCheckpoint file(prefix);
    for (const auto& [name, v] : file.variables()) static_cast<void>(file.read(name));
    return true;
  } catch (const DataError&) {
    return false;
  }
}

void check_damaged(const std::string& whole, const std::function<bool(const std::string&)>& load,
                   bool sealed) {
  REQUIRE(load(whole));
  for (size_t n = 0; n < whole.size(); ++n) {
    INFO("cut at byte " << n);
    if (load(whole.substr(0, n))) CHECK(!sealed);
  }
  for (size_t i = 0; i < whole.size(); ++i)
    for (const int flip : {0x01, 0x02, 0x10, 0x80}) {
      INFO("byte " << i << " flipped by " << flip);
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      CHECK_NOTHROW(load(damaged));
    }
}

}  // namespace

TEST_CASE("tf_checkpoint: tables of one and of several blocks") {
  const TempDir dir;
  for (const std::vector<std::string>& blocks :
       {std::vector{block(kGood)}, std::vector{block({kGood[0], kGood[1]}), block({kGood[2]})}}) {
    put_checkpoint(dir, table(blocks));
    const TfCheckpoint file(dir / "c");
    REQUIRE(file.variables().size() == 2);
    CHECK(file.read("layer/bias").item() == 1.5);
    CHECK(file.read("layer/kernel").shape() == Shape{2, 1});
    CHECK(file.read("layer/kernel").to_vector<float>() == std::vector<float>{2, -3});
    CHECK_THROWS_WITH(file.read("layer"), ContainsSubstring("c: no variable layer"));
  }
}

TEST_CASE("tf_checkpoint: what is refused") {
  const TempDir dir;
  const auto refused = [&](const std::string& index, const std::string& message) {
    put_checkpoint(dir, index);
    const auto load = [&] { return TfCheckpoint(dir / "c").read("w"); };
    CHECK_THROWS_AS(load(), DataError);
    CHECK_THROWS_WITH(load(), ContainsSubstring(message));
  };
  refused("", "0 bytes");
  refused(std::string(48, '\0'), "magic number");
  refused(table({block(kGood)}, 1), "compressed (snappy)");
  refused(table({}), "an empty table");
  refused(table({block({kGood[1]})}), "not that of the header");
  refused(table({block(kGood), block(kGood)}), "key \"\" comes after \"layer/kernel\"");
  refused(table({block({kGood[0], kGood[2], kGood[1]})}), "comes after");
  refused(table({std::string(3, '\0')}), "a block of 3 bytes");
  refused(table({fixed<uint32_t>(0xFFFFFFFF)}), "restart points");
  refused(table({block({{std::string(2000, 'k'), ""}})}), "a key of more than 1024 bytes");
  refused(table({varint(5) + varint(0) + varint(0) + block({})}), "shares 5 bytes with one of 0");
  refused(table({varint(0) + std::string(9, '\xff') + "\x02" + block({})}), "64 bits");
  refused(table({block({{"", number(1, 1) + number(2, 1)}})}), "big-endian");
  refused(table({block({{"", number(1, 1) + text(3, number(2, 2))}})}), "version 2");
  refused(table({block({{"", number(1, 0)}})}), "0 data files");
  refused(table({block({{"", varint(3)}})}), "wire type 3");

  const auto with = [](const std::string& w) { return table({block({{"", kHeader}, {"w", w}})}); };
  const uint64_t big = uint64_t{1} << 63;
  refused(with(variable(1, shape({}), 9, kFour)), "is it truncated?");
  refused(with(variable(1, shape({}), big, kFour)), "is it truncated?");
  refused(with(variable(1, shape({}), 0, kEight)), "8 bytes do not fit its shape");
  refused(with(variable(1, shape({big, 2, 0}), 0, "")), "do not fit its shape");
  refused(with(variable(1, shape({big | 1}), 0, kFour)), "do not fit its shape");
  refused(with(variable(1, shape({1, 1, 1, 1, 1, 1, 1}), 0, kFour)), "rank 7");
  refused(with(variable(1, text(2, number(3, 1)), 0, kFour)), "unknown rank");
  refused(with(variable(7, shape({}), 0, kFour)), "TensorFlow's type 7");
  refused(with(variable(1, shape({}), 4, kFour)), "w is damaged");
  refused(with(variable(1, shape({}), 0, kFour) + number(3, 1)), "in data file 1 of 1");
  refused(with(variable(1, shape({}), 0, kFour) + text(7, "")), "partitioned");
  const std::string w = variable(1, shape({}), 0, kFour);
  refused(table({block({{"", kHeader}, {"v", w}, {"w", w}})}), "variables v and w overlap");
  CHECK(loads(dir / "none") == false);
}

TEST_CASE("tf_checkpoint: a damaged file loads or is refused") {
  const TempDir dir;
  SECTION("the index") {
    put_checkpoint(dir, "");
    const auto load = [&](const std::string& bytes) {
      dir.put("c.index", bytes);
      return loads(dir / "c");
    };
    check_damaged(table({block({kGood[0], kGood[1]}), block({kGood[2]})}), load, true);
  }
  SECTION("a block's content, under a checksum that is right") {
    put_checkpoint(dir, "");
    const auto load = [&](const std::string& bytes) {
      dir.put("c.index", table({bytes}));
      return loads(dir / "c");
    };
    check_damaged(block(kGood), load, false);
  }
  SECTION("the data") {
    put_checkpoint(dir, table({block(kGood)}));
    const auto load = [&](const std::string& bytes) {
      dir.put("c.data-00000-of-00001", bytes);
      const bool ok = loads(dir / "c");
      CHECK((!ok || bytes == kFour + kEight));  // the checksums tell every change
      return ok;
    };
    check_damaged(kFour + kEight, load, true);
  }
}
