#include "nn/data/mat.h"

#include <string>
#include <vector>

#include "tensor/error.h"
#include "tests/catch.h"
#include "tests/mat_writer.h"
#include "tests/temp_dir.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

/// Reads every array to its end; true where the file is sound.
bool read_all(const fs::path& path) {
  try {
    MatReader reader(path);
    while (const auto array = reader.next()) {
      std::vector<double> values(static_cast<size_t>(array->count()));
      reader.read(std::span(values));
    }
    return true;
  } catch (const DataError&) {
    return false;
  }
}

void check_refused(const TempDir& dir, const std::string& elements, const std::string& message) {
  INFO(message);
  dir.put("file.mat", mat(elements));
  const auto read = [&] {
    MatReader reader(dir / "file.mat");
    while (const auto array = reader.next()) {
      std::vector<double> values(static_cast<size_t>(array->count()));
      reader.read(std::span(values));
    }
  };
  CHECK_THROWS_AS(read(), DataError);
  CHECK_THROWS_WITH(read(), ContainsSubstring("file.mat: ") && ContainsSubstring(message));
}

const MatWriter kBytes{"a", {2, 3}, std::string("\1\2\3\4\5\6", 6)};

}  // namespace

TEST_CASE("mat: arrays, compressed and plain, in order") {
  const MatWriter labels{"a_longer_name", {3, 1}, raw<double>({1, 2.5, -3}), 6, 9};
  const TempDir dir;
  for (const auto& file : {kBytes.plain() + labels.plain(), kBytes.plain() + labels.compressed(),
                           kBytes.compressed() + labels.compressed()}) {
    MatReader reader(dir.put("file.mat", mat(file)));
    const auto a = reader.next();
    REQUIRE(a);
    CHECK(a->name == "a");
    CHECK(a->kind == MatClass::u8);
    CHECK(a->dims == std::vector<int64_t>{2, 3});
    CHECK(a->describe() == "u8 [2, 3]");
    std::vector<uint8_t> bytes(6);
    reader.read(std::span(bytes).first(2));
    reader.read(std::span(bytes).subspan(2));
    CHECK(bytes == std::vector<uint8_t>{1, 2, 3, 4, 5, 6});
    CHECK_THROWS_WITH(reader.read(std::span(bytes)), ContainsSubstring("has 0 more values, not 6"));
    const auto b = reader.next();
    REQUIRE(b);
    CHECK(b->name == "a_longer_name");
    CHECK(b->kind == MatClass::f64);
    std::vector<double> values(3);
    CHECK_THROWS_WITH(reader.read(std::span(bytes).first(3)),
                      ContainsSubstring("not stored as unsigned bytes"));
    reader.read(std::span(values));
    CHECK(values == std::vector<double>{1, 2.5, -3});
    CHECK(!reader.next());
  }
}

TEST_CASE("mat: numbers of every storage type") {
  const TempDir dir;
  const auto check = [&](uint32_t kind, uint32_t type, const std::string& data) {
    INFO("class " << kind << ", type " << type);
    for (const bool small : {false, true}) {
      if (small && data.size() > 4) continue;
      MatWriter w{"v", {1, 2}, data, kind, type};
      if (small) w.values = small_element(type, data);
      MatReader reader(dir.put("file.mat", mat(w.compressed())));
      REQUIRE(reader.next());
      std::vector<double> values(2);
      reader.read(std::span(values));
      CHECK(values == std::vector<double>{3, 100});
      CHECK(!reader.next());
    }
  };
  check(8, 1, raw<int8_t>({3, 100}));
  check(9, 2, raw<uint8_t>({3, 100}));
  check(6, 2, raw<uint8_t>({3, 100}));
  check(10, 3, raw<int16_t>({3, 100}));
  check(11, 4, raw<uint16_t>({3, 100}));
  check(12, 5, raw<int32_t>({3, 100}));
  check(13, 6, raw<uint32_t>({3, 100}));
  check(7, 7, raw<float>({3, 100}));
  check(6, 9, raw<double>({3, 100}));
  check(14, 12, raw<int64_t>({3, 100}));
  check(15, 13, raw<uint64_t>({3, 100}));
}

TEST_CASE("mat: names in UTF-16 and UTF-32 are given in UTF-8") {
  const TempDir dir;
  const auto name_of = [&](const MatWriter& w, const std::string& file) {
    INFO(w.name_type);
    MatReader reader(dir.put("file.mat", file));
    return reader.next()->name;
  };
  const std::string expected = "X\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";  // X, e acute, euro, a face
  MatWriter w = kBytes;
  w.name_type = 17;
  w.name = raw<uint16_t>({'X', 0xe9, 0x20ac, 0xd83d, 0xde00});
  CHECK(name_of(w, mat(w.plain())) == expected);
  w.name_type = 18;
  w.name = raw<uint32_t>({'X', 0xe9, 0x20ac, 0x1f600});
  CHECK(name_of(w, mat(w.compressed())) == expected);
  w.name = raw<uint32_t>({'y'});
  CHECK(name_of(w, mat(w.plain())) == "y");
  w.name = raw<uint32_t>({0x110000});
  check_refused(dir, w.plain(), "its name has no character 0x110000");
  w.name_type = 17;
  for (const std::vector<uint16_t>& broken :
       {std::vector<uint16_t>{0xd83d}, std::vector<uint16_t>{0xde00},
        std::vector<uint16_t>{0xd83d, 'a'}}) {
    w.name = raw(broken);
    check_refused(dir, w.plain(), "its name is no sound UTF-16");
  }
  w.name = std::string(2 * 64, 'a');
  check_refused(dir, w.plain(), "128 bytes of name, at most 126 are expected");
  w.name = "abc";
  check_refused(dir, w.plain(), "3 bytes of name");
}

TEST_CASE("mat: unread, empty and other arrays are passed over") {
  const TempDir dir;
  const MatWriter text{"t", {1, 1}, "x", 4, 16};
  const MatWriter empty{"e", {0, 0}, ""};
  MatReader reader(dir.put("file.mat", mat(kBytes.compressed() + text.compressed() + text.plain() +
                                           empty.compressed() + kBytes.plain())));
  CHECK(reader.next()->name == "a");
  CHECK(reader.next()->kind == MatClass::other);
  const auto other = reader.next();
  CHECK(other->kind == MatClass::other);
  CHECK(other->count() == 0);
  CHECK(reader.next()->count() == 0);
  CHECK(reader.next()->name == "a");
  CHECK(!reader.next());
}

TEST_CASE("mat: big-endian files, plain and compressed, of every storage type") {
  const TempDir dir;
  const auto check = [&](uint32_t kind, uint32_t type, const std::string& data, size_t width) {
    INFO("class " << kind << ", type " << type);
    const MatWriter v{"v", {1, 2}, data, kind, type},
        long_name{"a_long_name", {1, 2}, data, kind, type};
    const std::string packed = deflated(v.big_endian(width));
    const std::string elements = v.big_endian(width) +
                                 swapped(u32(15) + u32(static_cast<uint32_t>(packed.size())), 4) +
                                 packed + long_name.big_endian(width);
    MatReader reader(dir.put("file.mat", mat(elements, std::string("\1\0MI", 4))));
    for (const std::string name : {"v", "v", "a_long_name"}) {
      const auto array = reader.next();
      REQUIRE(array);
      CHECK(array->name == name);
      CHECK(array->dims == std::vector<int64_t>{1, 2});
      std::vector<double> values(2);
      reader.read(std::span(values));
      CHECK(values == std::vector<double>{3, 100});
    }
    CHECK(!reader.next());
  };
  check(8, 1, raw<int8_t>({3, 100}), 1);
  check(9, 2, raw<uint8_t>({3, 100}), 1);
  check(6, 2, raw<uint8_t>({3, 100}), 1);
  check(10, 3, raw<int16_t>({3, 100}), 2);
  check(11, 4, raw<uint16_t>({3, 100}), 2);
  check(12, 5, raw<int32_t>({3, 100}), 4);
  check(13, 6, raw<uint32_t>({3, 100}), 4);
  check(7, 7, raw<float>({3, 100}), 4);
  check(6, 9, raw<double>({3, 100}), 8);
  check(14, 12, raw<int64_t>({3, 100}), 8);
  check(15, 13, raw<uint64_t>({3, 100}), 8);
}

TEST_CASE("mat: dimensions and names of other element types") {
  const TempDir dir;
  for (const uint32_t dims_type : {5u, 6u})
    for (const uint32_t name_type : {1u, 2u, 16u})
      for (const std::string name : {"X", "a_longer_name"}) {
        MatWriter w = kBytes;
        w.name = name;
        w.dims_type = dims_type;
        w.name_type = name_type;
        MatReader reader(dir.put("file.mat", mat(w.plain() + w.compressed())));
        for (int i = 0; i < 2; ++i) {
          const auto array = reader.next();
          CHECK(array->name == name);
          CHECK(array->dims == std::vector<int64_t>{2, 3});
        }
      }
}

TEST_CASE("mat: whatever lies between arrays is passed over unless it is asked for") {
  const TempDir dir;
  // cell, structure, object, text, sparse, function, opaque (which has no dimensions), of any
  // content
  for (const uint32_t kind : {1u, 2u, 3u, 4u, 5u, 16u, 17u, 99u}) {
    INFO("class " << kind);
    MatWriter other{"other", {1, 1}, std::string(100, '\xee'), kind, 77};
    std::string array = other.plain();
    if (kind == 17)
      array = element(14, element(6, u32(kind) + u32(0)) + element(1, "other") + "????");
    for (const std::string& between : {array, MatWriter::compressed_of(array)}) {
      MatReader reader(dir.put("file.mat", mat(kBytes.plain() + between + kBytes.compressed())));
      CHECK(reader.next()->name == "a");
      const auto passed = reader.next();
      CHECK(passed->name == "other");
      CHECK(passed->kind == MatClass::other);
      CHECK(passed->describe() == "not numeric");
      CHECK(reader.next()->name == "a");
      CHECK(!reader.next());
    }
  }
  MatWriter complex = kBytes;
  complex.name = "not an identifier, but \xc3\xbc";
  complex.flags = element(6, u32(9 | 0x0800) + u32(0));
  complex.values = element(2, complex.data) + element(2, complex.data);
  MatReader reader(dir.put("file.mat", mat(complex.plain() + kBytes.compressed())));
  const auto array = reader.next();
  CHECK(array->describe() == "complex u8 [2, 3]");
  std::vector<uint8_t> values(6);
  CHECK_THROWS_WITH(reader.read(std::span(values)), ContainsSubstring("is complex; real numbers"));
  CHECK(reader.next()->name == "a");
  reader.read(std::span(values));
  CHECK(values == std::vector<uint8_t>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("mat: files of other kinds") {
  const TempDir dir;
  const auto check = [&](const std::string& bytes, const std::string& message) {
    INFO(message);
    dir.put("file.mat", bytes);
    CHECK_THROWS_AS(MatReader(dir / "file.mat"), DataError);
    CHECK_THROWS_WITH(MatReader(dir / "file.mat"), ContainsSubstring(message));
  };
  CHECK_THROWS_WITH(MatReader(dir / "none.mat"), ContainsSubstring("none.mat: no such file"));
  CHECK_THROWS_WITH(MatReader(dir.path()), ContainsSubstring("not a file"));
  check("", "it is empty");
  check("\n<!DOCTYPE html><html></html>", "looks like an HTML page: was the download redirected?");
  check("<html>" + std::string(1000, ' '), "looks like an HTML page");
  check("PK\3\4", "not a MAT file");
  check("PK\3\4", "looks like a zip archive");
  check(std::string(1000, 'x'), "not a MAT file of level 5");
  const std::string rest(600, '\xff');
  check("just words", "not a MAT file, it looks like a text file");
  check(std::string(1000, 'x'), "not a MAT file of level 5, it looks like a text file:");
  check("\x1f\x8b\b" + rest, "looks like a gzip file");
  check("\x89PNG\r\n\x1a\n" + rest, "looks like a PNG image");
  check("\x89HDF\r\n\x1a\n" + rest, "version 7.3 (HDF5)");
  check(rest, "not a MAT file of level 5: its header");
  for (const size_t width : {size_t{1}, size_t{4}}) {  // as written by either kind of machine
    const auto v4 = [&](uint32_t mopt) {
      return swapped(u32(width == 1 ? mopt : mopt + 1000) + u32(2) + u32(1) + u32(0) + u32(2),
                     width) +
             std::string("x\0", 2) + std::string(200, '\0');
    };
    for (const uint32_t mopt : {0u, 20u, 50u, 51u, 2u}) check(v4(mopt), "a MAT file of version 4");
  }
  check(mat("").substr(0, 100), "truncated: it ends at byte 100");
  check(mat("", std::string("\1\0IM", 4)), "not a MAT file of level 5");
  check(mat("", std::string("\0\1MI", 4)), "not a MAT file of level 5");
  check(mat("", std::string("\0\2IM", 4)), "not a MAT file of level 5");
  check("MATLAB 7.3 MAT-file" + std::string(600, ' '), "7.3");
}

TEST_CASE("mat: elements that are refused") {
  const TempDir dir;
  const auto with = [](auto change) {
    MatWriter w = kBytes;
    change(w);
    return w.compressed();
  };
  const auto with_values = [&](const std::string& values) {
    return with([&](MatWriter& w) { w.values = values; });
  };
  const auto with_dims = [&](std::vector<int32_t> dims) {
    return with([&](MatWriter& w) { w.dims = dims; });
  };
  const auto with_flags = [&](const std::string& flags) {
    return with([&](MatWriter& w) { w.flags = flags; });
  };
  check_refused(dir, element(9, "12345678"), "is of type 9");
  check_refused(dir, "1234567", "truncated: it ends at byte 135 within the tag");
  check_refused(dir, kBytes.compressed().substr(0, 40),
                "truncated: it ends at byte 168, but the element at byte 128 reaches to byte");
  check_refused(dir, u32(14) + u32(0xffffffff) + "x", "truncated");
  check_refused(dir, MatWriter::compressed_of(kBytes.compressed()), "holds type 15");
  check_refused(dir, MatWriter::compressed_of("1234"), "ends 4 bytes early");
  check_refused(dir, MatWriter::compressed_of(u32(14) + u32(1u << 31)), "more than its");
  check_refused(dir, MatWriter::compressed_of(element(14, kBytes.content()) + "x"),
                "longer than announced");
  check_refused(dir, MatWriter::compressed_of(u32(14) + u32(100) + kBytes.content()),
                "46 bytes follow its values");
  check_refused(dir, MatWriter::compressed_of(u32(14) + u32(40) + kBytes.content()),
                "in the middle of its content");
  check_refused(dir, with_flags(element(5, u32(9) + u32(0))), "its flags should be of element");
  check_refused(dir, with_flags(small_element(6, u32(9))), "its flags should be two");
  check_refused(dir, with_flags(element(6, std::string(800, '\0'))), "800 bytes of flags");
  check_refused(dir, with_flags(element(6, u32(9 | 0x0800) + u32(0))), "complex");
  check_refused(dir, with([](MatWriter& w) { w.dims_type = 2; }),
                "should be of element type 5 or 6");
  check_refused(dir, with([](MatWriter& w) { w.name_type = 9; }), "its name should be of element");
  check_refused(dir, with_dims({6}), "two dimensions or more");
  check_refused(dir, with_dims(std::vector<int32_t>(33, 1)), "132 bytes of dimensions");
  check_refused(dir, with_dims({2, 4}), "do not fill the dimensions [2, 4]");
  check_refused(dir, with_dims({-2, -3}), "out of range");
  check_refused(dir, with_dims({INT32_MAX, INT32_MAX, 3, 0}), "out of range");
  check_refused(dir, with_dims(std::vector<int32_t>(5, 1 << 30)), "out of range");
  check_refused(dir, with([](MatWriter& w) { w.name = std::string(64, 'a'); }), "64 bytes of name");
  check_refused(dir, with([](MatWriter& w) { w.name = "a\33[m"; }), "letters, digits");
  check_refused(dir, with([](MatWriter& w) { w.type = 14; }), "which is no number");
  check_refused(dir, with([](MatWriter& w) { w.type = 4; }), "do not fill");
  check_refused(dir, with_values(u32(2 | 6 << 16) + "1234"), "a small element of 6 bytes");
  check_refused(dir, with_values(u32(2) + u32(6) + "123"), "its values run past its end");
  check_refused(dir, with_values(u32(2)), "in the middle of its content");
}

TEST_CASE("mat: a damaged file is read or refused") {
  const TempDir dir;
  const MatWriter labels{"y", {3, 1}, raw<double>({1, 2, 3}), 6, 9};
  for (const auto& whole :
       {mat(kBytes.plain() + labels.plain()), mat(kBytes.compressed() + labels.compressed())}) {
    REQUIRE(read_all(dir.put("file.mat", whole)));
    for (size_t n = 0; n < whole.size(); ++n) read_all(dir.put("file.mat", whole.substr(0, n)));
    for (size_t i = 0; i < whole.size(); ++i)
      for (const int flip : {0x01, 0x04, 0x10, 0x80, 0xff}) {
        std::string damaged = whole;
        damaged[i] = static_cast<char>(damaged[i] ^ flip);
        CHECK_NOTHROW(read_all(dir.put("file.mat", damaged)));
      }
  }
}

TEST_CASE("mat: damage below a sound compression is read or refused") {
  const TempDir dir;
  const std::string whole = kBytes.plain();
  for (size_t n = 0; n < whole.size(); ++n)
    CHECK(!read_all(dir.put("file.mat", mat(MatWriter::compressed_of(whole.substr(0, n))))));
  for (size_t i = 0; i < whole.size(); ++i)
    for (const int flip : {0x01, 0x04, 0x10, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      CHECK_NOTHROW(read_all(dir.put("file.mat", mat(MatWriter::compressed_of(damaged)))));
    }
}

TEST_CASE("mat: a compressed array is never half right") {
  const TempDir dir;
  const std::string whole = mat(kBytes.compressed());
  const size_t first = mat("").size() + 8;
  for (size_t n = mat("").size() + 1; n < whole.size(); ++n)
    CHECK(!read_all(dir.put("file.mat", whole.substr(0, n))));
  for (size_t i = first + 2; i < whole.size(); ++i) {
    INFO("byte " << i);
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    CHECK(!read_all(dir.put("file.mat", damaged)));
  }
}
