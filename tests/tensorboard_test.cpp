#include "apps/ssgan/report/tensorboard.h"

#include <sys/resource.h>

#include <bit>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "apps/ssgan/report/tensorboard_records.h"
#include "nn/crc32c.h"
#include "tensor/error.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace fs = std::filesystem;

namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return out;
}

template <class T>
T take(std::string_view& bytes) {
  REQUIRE(bytes.size() >= sizeof(T));
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  bytes.remove_prefix(sizeof(T));
  return value;
}

/// The events of a file, whose checksums are checked.
std::vector<std::string> events_of(const std::string& file) {
  std::string_view rest = file;
  std::vector<std::string> events;
  while (!rest.empty()) {
    const std::string_view length_bytes = rest.substr(0, 8);
    const auto length = take<uint64_t>(rest);
    CHECK(take<uint32_t>(rest) == masked_crc32c(length_bytes));
    REQUIRE(rest.size() >= length);
    const std::string_view event = rest.substr(0, length);
    rest.remove_prefix(length);
    CHECK(take<uint32_t>(rest) == masked_crc32c(event));
    events.emplace_back(event);
  }
  return events;
}

/// Field number -> its value: bits of a number, or bytes. No field of ours repeats.
struct Field {
  uint64_t bits = 0;
  std::string bytes;
};

uint64_t take_varint(std::string_view& rest) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = take<uint8_t>(rest);
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
}

std::map<uint64_t, Field> parse(std::string_view message) {
  std::map<uint64_t, Field> fields;
  while (!message.empty()) {
    const uint64_t key = take_varint(message);
    Field field;
    if ((key & 7) == 0) {
      field.bits = take_varint(message);
    } else if ((key & 7) == 1) {
      field.bits = take<uint64_t>(message);
    } else if ((key & 7) == 5) {
      field.bits = take<uint32_t>(message);
    } else {
      REQUIRE((key & 7) == 2);
      const uint64_t length = take_varint(message);
      REQUIRE(message.size() >= length);
      field.bytes = message.substr(0, length);
      message.remove_prefix(length);
    }
    CHECK(fields.emplace(key >> 3, field).second);
  }
  return fields;
}

}  // namespace

TEST_CASE("tensorboard: crc32c") {
  CHECK(crc32c("123456789") == 0xE3069283);
  CHECK(crc32c("") == 0);
  CHECK(masked_crc32c("123456789") == 0xC78AB0E5);
}

TEST_CASE("tensorboard: records, byte by byte") {
  CHECK(hex(file_version_record(1.0)) ==
        "1800000000000000a37f4b2209000000000000f03f1a0d627261696e2e4576656e743a3286bf577a");
  CHECK(hex(scalar_record("loss/d", 0.5, 7, 2.0)) ==
        "1c00000000000000c8c1951d09000000000000004010072a0f0a0d0a066c6f73732f64150000003fff2d10e8");
}

TEST_CASE("tensorboard: a written file reads back") {
  const TempDir dir;
  const std::vector<uint8_t> png(300, 0x89);
  TensorBoardWriter writer(dir / "a" / "tb");
  writer.scalar("loss/d", -1.25, 1 << 20);
  writer.image("samples", png, 5, 4, 573);
  writer.scalar("lr", 3e-4, -1);
  writer.flush();

  const std::string name = writer.path().filename().string();
  CHECK(writer.path().parent_path() == dir / "a" / "tb");
  CHECK(name.starts_with("events.out.tfevents."));
  CHECK(name.ends_with(".0"));
  CHECK(name.find_first_not_of("0123456789", 20) == 30);
  const auto events = events_of(text_of(writer.path()));
  REQUIRE(events.size() == 4);
  CHECK(parse(events[0])[3].bytes == "brain.Event:2");

  auto event = parse(events[1]);
  CHECK(std::bit_cast<double>(event[1].bits) > 1.6e9);
  CHECK(event[2].bits == 1 << 20);
  auto value = parse(parse(event[5].bytes)[1].bytes);
  CHECK(value[1].bytes == "loss/d");
  CHECK(std::bit_cast<float>(static_cast<uint32_t>(value[2].bits)) == -1.25f);

  event = parse(events[2]);
  value = parse(parse(event[5].bytes)[1].bytes);
  CHECK(value[1].bytes == "samples");
  auto image = parse(value[4].bytes);
  CHECK(image[1].bits == 4);
  CHECK(image[2].bits == 5);
  CHECK(image[3].bits == 3);
  CHECK(image[4].bytes == std::string(png.begin(), png.end()));
  CHECK(static_cast<int64_t>(parse(events[3])[2].bits) == -1);
}

TEST_CASE("tensorboard: writers do not share a file") {
  const TempDir dir;
  TensorBoardWriter first(dir.path()), second(dir.path());
  CHECK(first.path() != second.path());
}

TEST_CASE("tensorboard: what cannot be written is an error, and whole records stay") {
  const TempDir dir;
  dir.put("file", "");
  CHECK_THROWS_AS(TensorBoardWriter(dir / "file"), OutputError);
  CHECK_THROWS_WITH(TensorBoardWriter(dir / "file"), ContainsSubstring((dir / "file").string()));

  TensorBoardWriter writer(dir.path());
  writer.scalar("a", 1, 1);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit small{fs::file_size(writer.path()) + 20, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::string message;
  try {
    writer.scalar("a", 2, 2);
  } catch (const OutputError& e) {
    message = e.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(message == writer.path().string() + ": cannot be written: " + std::strerror(EFBIG));
  CHECK(events_of(text_of(writer.path())).size() == 2);
  writer.scalar("a", 3, 3);
  CHECK(events_of(text_of(writer.path())).size() == 3);
}
