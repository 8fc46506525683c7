#include "tensor/safetensors.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/temp_dir.h"

using namespace gradus;

namespace {

std::string bytes_at(const std::filesystem::path& path) {
  const auto bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The bytes of a file.
std::string file_of(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + header + data;
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

TensorFile example() {
  TensorFile file;
  file.tensors["step"] = Tensor::from<int32_t>({7}, Shape{});
  file.tensors["w"] = Tensor::from<float>({1, 2, 3, 4, 5, 6}, Shape{2, 3});
  file.tensors["lr"] = Tensor::from<double>({3e-4}, Shape{});
  file.tensors["pixels"] = Tensor::from<uint8_t>({0, 127, 255}, Shape{1, 1, 3});
  file.tensors["none"] = Tensor(Shape{0, 4}, DType::f32);
  file.metadata = {{"config", "{\"seed\": 1}"}, {"a \"quoted\" key", "a\nline, \xc3\xa9"}};
  return file;
}

}  // namespace

TEST_CASE("safetensors: the bytes of the example") {
  const TempDir dir;
  TensorFile file;
  file.tensors["a"] = Tensor::from<float>({1, 2}, Shape{2});
  save_safetensors(dir / "a", file);
  const std::string expected = std::string("\x38\0\0\0\0\0\0\0", 8) +
                               R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  )" +
                               std::string("\x00\x00\x80\x3f\x00\x00\x00\x40", 8);
  CHECK(bytes_at(dir / "a") == expected);
}

TEST_CASE("safetensors: tensors and metadata come back, and the bytes are the same each time") {
  const TempDir dir;
  const TensorFile file = example();
  save_safetensors(dir / "a", file);
  const TensorFile loaded = load_safetensors(dir / "a");
  CHECK(loaded.metadata == file.metadata);
  REQUIRE(loaded.tensors.size() == file.tensors.size());
  for (const auto& [name, tensor] : file.tensors) {
    INFO(name);
    const Tensor& back = loaded.tensors.at(name);
    CHECK(back.shape() == tensor.shape());
    REQUIRE(back.dtype() == tensor.dtype());
    CHECK(std::memcmp(back.raw(), tensor.raw(), tensor.bytes()) == 0);
  }
  save_safetensors(dir / "b", loaded);
  CHECK(bytes_at(dir / "a") == bytes_at(dir / "b"));
}

TEST_CASE("safetensors: the data is aligned") {
  const TempDir dir;
  save_safetensors(dir / "a", example());
  const std::string bytes = bytes_at(dir / "a");
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof(length));
  CHECK(length % 8 == 0);
  CHECK_THAT(bytes, ContainsSubstring(R"("lr":{"dtype":"F64","shape":[],"data_offsets":[0,8]})"));
  CHECK_THAT(bytes, ContainsSubstring(R"("none":{"dtype":"F32","shape":[0,4],)"
                                      R"("data_offsets":[8,8]})"));
  CHECK_THAT(bytes, ContainsSubstring(R"("data_offsets":[36,39])"));
}

TEST_CASE("safetensors: an empty file of tensors") {
  const TempDir dir;
  save_safetensors(dir / "a", {});
  CHECK(load_safetensors(dir / "a").tensors.empty());
  CHECK(load_safetensors(dir.put("b", file_of("{}", ""))).tensors.empty());
}

TEST_CASE("safetensors: what cannot be saved") {
  const TempDir dir;
  TensorFile file;
  file.tensors["a"] = Tensor();
  CHECK_THROWS_WITH(save_safetensors(dir / "a", file), ContainsSubstring("\"a\" is undefined"));
  file.tensors = {{"__metadata__", Tensor::from<float>({1}, Shape{1})}};
  CHECK_THROWS_WITH(save_safetensors(dir / "a", file), ContainsSubstring("cannot name a tensor"));
  file.tensors.clear();
  file.metadata["a"] = "\xff";
  CHECK_THROWS_WITH(save_safetensors(dir / "a", file), ContainsSubstring("not UTF-8"));
  CHECK(!std::filesystem::exists(dir / "a"));
}

TEST_CASE("safetensors: headers that are refused") {
  struct Case {
    std::string header, data, message;
  };
  const std::string four(4, '\0'), eight(8, '\0');
  const std::string a = R"({"a":)";
  const std::string f32 = entry("F32", "[1]", "[0,4]");
  const std::vector<Case> cases{
      {"", "", "does not start with '{'"},
      {"[]", "", "does not start with '{'"},
      {" {}", "", "does not start with '{'"},
      {"{} x", "", "not JSON"},
      {"{\"a\"", "", "not JSON"},
      {"{\"\xff\":1}", "", "not JSON"},
      {a + "1}", "", "keys dtype, shape and data_offsets"},
      {a + R"({"dtype":"F32","shape":[1]}})", four, "keys dtype, shape and data_offsets"},
      {a + f32 + R"(,"a":)" + f32 + "}", four, "key \"a\" twice"},
      {a + R"({"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", four,
       "key \"dtype\" twice"},
      {a + "[[[[[1]]]]]}", "", "nested deeper"},
      {a + entry("BF16", "[3]", "[0,4]") + "}", four, "4 bytes of data do not fit BF16 [3]"},
      {a + entry("I64", "[1]", "[0,4]") + "}", four, "4 bytes of data do not fit I64 [1]"},
      {a + entry("C64", "[1]", "[0,8]") + "}", four, "is it truncated?"},
      {a + entry("C64", "[1]", "[8,4]") + "}", eight, "a begin and an end"},
      {a + entry("C64", "[1.5]", "[0,8]") + "}", eight, "its shape should be"},
      {a + entry("C64", "[1]", "[0,4]") + "}", eight, "4 bytes follow the last tensor"},
      {a + R"({"dtype":3,"shape":[1],"data_offsets":[0,4]}})", four, "\"a\" has dtype 3"},
      {a + entry("F32", "[2]", "[0,4]") + "}", four, "4 bytes of data do not fit F32 [2]"},
      {a + entry("F32", "[-1]", "[0,4]") + "}", four, "its shape should be"},
      {a + entry("F32", "[1.0]", "[0,4]") + "}", four, "its shape should be"},
      {a + entry("F32", "1", "[0,4]") + "}", four, "its shape should be"},
      {a + entry("F32", "[9223372036854775808]", "[0,4]") + "}", four, "its shape should be"},
      {a + entry("F32", "[4294967296,4294967296,1]", "[0,0]") + "}", "", "do not fit"},
      {a + entry("F32", "[0,4294967296,4294967296,4]", "[0,0]") + "}", "", "do not fit"},
      {a + entry("U8", "[4611686018427387904,2,0]", "[0,0]") + "}", "", "do not fit"},
      {a + entry("F32", "[1,1,1,1,1,1,2]", "[0,4]") + "}", four, "do not fit"},
      {a + entry("F32", "[1]", "[4,0]") + "}", four, "a begin and an end"},
      {a + entry("F32", "[1]", "[0,4,8]") + "}", eight, "a begin and an end"},
      {a + entry("F32", "[1]", "[0,-4]") + "}", four, "its data_offsets should be"},
      {a + entry("F32", "[2]", "[0,8]") + "}", four, "is it truncated?"},
      {a + entry("F32", "[1]", "[18446744073709551612,4]") + "}", four, "data_offsets should be"},
      {a + entry("F32", "[1]", "[4,8]") + "}", eight,
       "starts at byte 4 of the data, 0 expected: a"},
      {a + f32 + R"(,"b":)" + f32 + "}", four, "tensors overlap"},
      {a + f32 + R"(,"b":)" + entry("U8", "[2]", "[3,5]") + "}", eight, "tensors overlap"},
      {a + f32 + "}", eight, "4 bytes follow the last tensor"},
      {R"({"__metadata__":{"a":1}})", "", "hold strings"},
      {R"({"__metadata__":[]})", "", "object of strings"},
      {R"({"__metadata__":{"a":null}})", "", "hold strings"},
  };
  const TempDir dir;
  for (const Case& c : cases) {
    INFO(c.header);
    dir.put("file", file_of(c.header, c.data));
    CHECK_THROWS_AS(load_safetensors(dir / "file"), DataError);
    CHECK_THROWS_WITH(load_safetensors(dir / "file"),
                      ContainsSubstring("file: ") && ContainsSubstring(c.message));
  }
}

TEST_CASE("safetensors: every dtype is widened to one of a tensor's, or its tensor passed over") {
  struct Case {
    const char *dtype, *shape;
    std::string data;
    DType read;
    std::vector<double> values;
  };
  const auto raw = [](auto... v) {
    std::string s;
    (s.append(reinterpret_cast<const char*>(&v), sizeof(v)), ...);
    return s;
  };
  const auto u16 = [](auto... v) { return std::array{static_cast<uint16_t>(v)...}; };
  constexpr double kInf = std::numeric_limits<double>::infinity();
  constexpr int32_t kMost = std::numeric_limits<int32_t>::max();
  const std::vector<Case> cases{
      // 1, -2, the least and the greatest of each kind, infinity, -0.
      {"F16",
       "[8]",
       raw(u16(0x3c00, 0xc000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0xfc00, 0x8000)),
       DType::f32,
       {1, -2, std::ldexp(1, -24), std::ldexp(1023, -24), std::ldexp(1, -14), 65504, -kInf, 0}},
      {"BF16",
       "[2,2]",
       raw(u16(0x3f80, 0xc049, 0x0001, 0x7f80)),
       DType::f32,
       {1, -3.140625, std::ldexp(1, -133), kInf}},
      {"BOOL", "[3]", std::string("\0\1\2", 3), DType::u8, {0, 1, 1}},
      {"I8", "[2]", std::string("\x80\x7f", 2), DType::i32, {-128, 127}},
      {"I16", "[2]", raw(u16(0x8000, 0x7fff)), DType::i32, {-32768, 32767}},
      {"U16", "[2]", raw(u16(0x8000, 0xffff)), DType::i32, {32768, 65535}},
      {"U32", "[2]", raw(uint32_t{0}, uint32_t{kMost}), DType::i32, {0, kMost}},
      {"I64", "[]", raw(int64_t{-kMost - int64_t{1}}), DType::i32, {-kMost - 1.0}},
      {"I64", "[0,4294967296]", "", DType::i32, {}},
      {"U64", "[1,1,1,1,1,1]", raw(uint64_t{kMost}), DType::i32, {kMost}}};
  const TempDir dir;
  for (const Case& c : cases) {
    INFO(c.dtype);
    // Behind a byte, so that no element is aligned.
    const auto offsets = [](size_t begin, size_t end) {
      return fmt::format("[{},{}]", begin, end);
    };
    const std::string header = R"({"pad":)" + entry("U8", "[1]", "[0,1]") + R"(,"a":)" +
                               entry(c.dtype, c.shape, offsets(1, 1 + c.data.size())) + "}";
    const TensorFile file = load_safetensors(dir.put("file", file_of(header, "x" + c.data)));
    CHECK(file.unread.empty());
    const Tensor* const a = file.find("a");
    REQUIRE(a);
    CHECK(a->dtype() == c.read);
    CHECK(a->to(DType::f64).to_vector<double>() == c.values);
  }
  const auto nan = load_safetensors(
      dir.put("file", file_of(R"({"a":)" + entry("F16", "[1]", "[0,2]") + "}", raw(u16(0x7e00)))));
  CHECK(std::isnan(nan.find("a")->item()));
}

TEST_CASE("safetensors: a file is read for what is asked of it") {
  const TempDir dir;
  const auto with = [&](const std::string& dtype, const std::string& shape,
                        const std::string& data) {
    const std::string header =
        R"({"__metadata__":null,"odd":)" +
        entry(dtype, shape, fmt::format("[4,{}]", 4 + data.size())) +
        R"(,"a":{"data_offsets":[0,4],"shape":[1],"dtype":"F32","comment":[1]}})";
    return load_safetensors(
        dir.put("file", file_of(header, std::string("\0\0\x80\x3f", 4) + data)));
  };
  const std::string eight(8, '\0'), all_ones(8, '\xff');
  for (const auto& [dtype, shape, data, reason] : std::vector<std::array<std::string, 4>>{
           {"C64", "[1]", eight, "is of dtype C64, which is not read"},
           {"F8_E4M3", "[8]", eight, "is of dtype F8_E4M3, which is not read"},
           {"", "[]", "", "is of dtype , which is not read"},
           {"F4", "[2,2,2,2]", eight, "is of dtype F4, which is not read"},
           {"F64", "[1,1,1,1,1,1,1]", eight, "is of rank 7; 6 at most is read"},
           {"BF16", "[2,1,2,1,1,1,1,1]", eight, "is of rank 8; 6 at most is read"},
           {"U64", "[1]", all_ones, "of dtype U64 holds a number that i32 does not"},
           {"U32", "[2]", all_ones, "of dtype U32 holds a number that i32 does not"},
           {"I64", "[1]", eight.substr(1) + "\1",
            "of dtype I64 holds a number that i32 does not"}}) {
    INFO(dtype << " " << shape);
    const TensorFile file = with(dtype, shape, data);
    CHECK(file.metadata.empty());
    CHECK(file.tensors.size() == 1);
    CHECK(file.find("a")->item() == 1);
    CHECK(!file.find("b"));
    CHECK(message_of<DataError>([&] { file.find("odd"); }) ==
          (dir / "file").string() + ": tensor \"odd\" " + reason);
  }
}

TEST_CASE("safetensors: header lengths that are refused") {
  const TempDir dir;
  const auto with_length = [&](uint64_t length) {
    return dir.put("file",
                   std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + "{}");
  };
  CHECK(load_safetensors(with_length(2)).tensors.empty());
  CHECK_THROWS_WITH(load_safetensors(with_length(3)), ContainsSubstring("truncated"));
  CHECK_THROWS_WITH(load_safetensors(with_length(100'000'001)), ContainsSubstring("100000001"));
  CHECK_THROWS_AS(load_safetensors(with_length(std::numeric_limits<uint64_t>::max())), DataError);
  CHECK_THROWS_AS(load_safetensors(dir / "none"), DataError);
}

TEST_CASE("safetensors: a damaged file loads or is refused") {
  const TempDir dir;
  save_safetensors(dir / "whole", example());
  const std::string whole = bytes_at(dir / "whole");
  const auto try_to_load = [&](const std::string& bytes) {
    try {
      (void)load_safetensors(dir.put("file", bytes));
      return true;
    } catch (const DataError&) {
      return false;
    }
  };
  REQUIRE(try_to_load(whole));
  for (size_t n = 0; n < whole.size(); ++n) {
    INFO("cut at byte " << n);
    CHECK(!try_to_load(whole.substr(0, n)));
  }
  for (size_t i = 0; i < whole.size(); ++i)
    for (const int flip : {0x01, 0x02, 0x10, 0x80}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      CHECK_NOTHROW(try_to_load(damaged));
    }
}
