#include <cstdlib>
#include <fstream>

#include "tests/fake_cuda/fake.h"

namespace gradus::fake_cuda {
namespace {

/// GRADUS_FAKE_FAIL, taken apart.
struct Fault {
  std::string function;
  long from = 0, code = 0;
  bool lasts = false;

  Fault() {
    const std::string text = setting("GRADUS_FAKE_FAIL", "");
    const size_t colon = text.find(':');
    if (colon == std::string::npos) return;
    function = text.substr(0, colon);
    char* rest = nullptr;
    from = std::strtol(text.c_str() + colon + 1, &rest, 10);
    if (*rest == '+') lasts = true, ++rest;
    if (*rest == '=') code = std::strtol(rest + 1, nullptr, 10);
  }
  bool hits(const std::string& name, long call) const {
    return name == function && (lasts ? call >= from : call == from);
  }
};

/// Written at the end of the process, also one that ends by exit() in a fault.
struct Log {
  Counts counts;
  ~Log() {
    const std::string file = setting("GRADUS_FAKE_LOG", "");
    if (file.empty()) return;
    std::ofstream out(file);
    for (const auto& [what, count] : counts) out << what << " " << count << "\n";
  }
};

Log& the_log() {
  static Log log;
  return log;
}

}  // namespace

std::recursive_mutex& mutex() {
  static auto* mutex = new std::recursive_mutex;
  return *mutex;
}

std::string setting(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value ? value : otherwise;
}

bool computes() {
  static const bool computes = setting("GRADUS_FAKE_COMPUTE", "1") != "0";
  return computes;
}

int broken_engine() {
  static const int engine = std::stoi(setting("GRADUS_FAKE_BROKEN_ENGINE", "-1"));
  return engine;
}

int enter(const char* function, int natural) {
  static const Fault fault;
  const Lock lock(mutex());
  const long call = ++the_log().counts[std::string("call ") + function];
  if (!fault.hits(function, call)) return 0;
  return fault.code ? static_cast<int>(fault.code) : natural;
}

void note(const std::string& what) {
  const Lock lock(mutex());
  ++the_log().counts[what];
}

}  // namespace gradus::fake_cuda

const gradus::fake_cuda::Counts* gradus_fake_cuda_counts() {
  return &gradus::fake_cuda::the_log().counts;
}
