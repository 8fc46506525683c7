#include "tests/fuzz/fuzz.h"

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>

#include "nn/crc32c.h"

// Checksums keep mutants out: here each is 0, in the place of the library's.
namespace gradus {
uint32_t crc32c(std::string_view) { return 0; }
uint32_t crc32c(std::string_view, uint32_t) { return 0; }
uint32_t masked_crc32c(std::string_view) { return 0; }
}  // namespace gradus

namespace gradus::fuzz {
namespace {

using Run = void (*)(std::string_view);

std::map<std::string, Run>& harnesses() {
  static std::map<std::string, Run> all;
  return all;
}

/// The one that $GRADUS_FUZZ names. (libFuzzer keeps the command line for itself.)
Run chosen() {
  const char* name = std::getenv("GRADUS_FUZZ");
  if (name && harnesses().contains(name)) return harnesses().at(name);
  std::cerr << "GRADUS_FUZZ has to be one of:";
  for (const auto& [known, run] : harnesses()) std::cerr << " " << known;
  std::cerr << "\n";
  std::exit(2);
}

}  // namespace

Harness::Harness(const char* name, Run run) { harnesses()[name] = run; }

const TempDir& scratch() {
  static const TempDir dir;
  return dir;
}

std::filesystem::path put(const std::string& name, std::string_view bytes) {
  const std::filesystem::path path = scratch() / name;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  must(file.flush().good(), "the input is written");
  return path;
}

void must(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "does not hold: " << what << "\n";
  std::abort();
}

namespace {

void check_message(const std::string& message) {
  if (std::getenv("GRADUS_FUZZ_SAY")) std::cerr << "refused: " << message << "\n";
  must(message.size() <= 4000, "a message is short");
}

}  // namespace

void may_refuse(const std::function<void()>& read) {
  try {
    read();
  } catch (const Error& e) {
    check_message(e.what());
  }
}

void may_refuse_file(const std::function<void()>& read) {
  may_refuse([&] {
    try {
      read();
    } catch (const DataError& e) {
      if (std::strstr(e.what(), scratch().path().c_str())) throw;
      std::cerr << e.what() << "\n";
      must(false, "a message names the file");
    }
  });
}

std::vector<std::string_view> parts(std::string_view input, size_t count) {
  std::vector<std::string_view> all;
  while (all.size() + 1 < count) {
    uint32_t n = 0;
    const size_t digits = std::min(input.size(), sizeof n);
    std::memcpy(&n, input.data(), digits);
    input.remove_prefix(digits);
    all.push_back(input.substr(0, n % (input.size() + 1)));
    input.remove_prefix(all.back().size());
  }
  all.push_back(input);
  return all;
}

}  // namespace gradus::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const gradus::fuzz::Run run = gradus::fuzz::chosen();
  run({reinterpret_cast<const char*>(data), size});
  return 0;
}
