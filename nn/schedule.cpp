#include "nn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tensor/error.h"

namespace gradus {
namespace {

constexpr const char* kNames[] = {"constant", "exponential", "linear", "cosine", "staircase"};

}  // namespace

double Schedule::at(int64_t step, int64_t total) const {
  const double part = total > 0 ? std::min(1.0, double(step) / double(total)) : 0;
  switch (kind) {
    case Kind::constant:
      return start;
    case Kind::exponential:
      return start * std::pow(final, part);
    case Kind::linear: {
      const double down = part <= flat ? 0 : (part - flat) / (1 - flat);
      return start * (1 - (1 - final) * down);
    }
    case Kind::cosine:
      return start * (final + (1 - final) * (1 + std::cos(std::numbers::pi * part)) / 2);
    case Kind::staircase:
      return start * std::pow(final, double(step / std::max<int64_t>(every, 1)));
  }
  return start;
}

std::string to_string(Schedule::Kind kind) { return kNames[static_cast<int>(kind)]; }

Schedule::Kind schedule_kind(const std::string& name) {
  for (int i = 0; i < int(std::size(kNames)); ++i)
    if (name == kNames[i]) return static_cast<Schedule::Kind>(i);
  throw Error(fmt::format(
      "schedule {}: expected constant, exponential, linear, cosine or staircase", name));
}

}  // namespace gradus
