#include "tensor/safetensors.h"

#include <cstring>
#include <limits>
#include <vector>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tests/catch.h"
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
      {a + entry("BF16", "[2]", "[0,4]") + "}", four, "\"a\" has dtype BF16"},
      {a + R"({"dtype":3,"shape":[1],"data_offsets":[0,4]}})", four, "\"a\" has dtype 3"},
      {a + entry("F32", "[2]", "[0,4]") + "}", four, "4 bytes of data do not fit F32 [2]"},
      {a + entry("F32", "[-1]", "[0,4]") + "}", four, "its shape should be"},
      {a + entry("F32", "[1.0]", "[0,4]") + "}", four, "its shape should be"},
      {a + entry("F32", "1", "[0,4]") + "}", four, "its shape should be"},
      {a + entry("F32", "[9223372036854775808]", "[0,4]") + "}", four, "its shape should be"},
      {a + entry("F32", "[4294967296,4294967296,1]", "[0,0]") + "}", "", "do not fit"},
      {a + entry("F32", "[0,4294967296,4294967296,4]", "[0,0]") + "}", "", "do not fit"},
      {a + entry("U8", "[4611686018427387904,2,0]", "[0,0]") + "}", "", "do not fit"},
      {a + entry("F32", "[1,1,1,1,1,1,1]", "[0,4]") + "}", four, "rank 7"},
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
      load_safetensors(dir.put("file", bytes));
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
