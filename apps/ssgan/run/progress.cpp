#include "apps/ssgan/run/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace gradus::ssgan {

Progress::Progress(int64_t first_step, int64_t last_step, int64_t log_every, bool color)
    : terminal_(isatty(STDERR_FILENO)),
      color_(color),
      first_(first_step),
      last_(last_step),
      log_every_(log_every) {}

void Progress::update(int64_t step, const std::string& state) {
  const auto now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(step - first_) / std::max(seconds, 1e-9);
  const std::string left = clock_time(static_cast<double>(last_ - step) / std::max(rate, 1e-9));
  if (!terminal_) {
    if (step % log_every_ == 0 || step == last_)
      fmt::print(stderr, "step {}/{}  {}  {:.1f} steps/s  {} left\n", step, last_, state, rate,
                 left);
    return;
  }
  if (step != last_ && now - drawn_at_ < std::chrono::milliseconds(100)) return;
  constexpr int kWidth = 24;
  const int full = static_cast<int>(kWidth * step / std::max<int64_t>(last_, 1));
  fmt::print(stderr, "\r\033[K{}[{:#>{}}{:.>{}}]{} {}/{}  {}  {:.1f} steps/s  {} left",
             color_ ? "\033[36m" : "", "", full, "", kWidth - full, color_ ? "\033[0m" : "", step,
             last_, state, rate, left);
  std::fflush(stderr);
  drawn_ = true;
  drawn_at_ = now;
}

void Progress::line(const std::string& text) {
  clear();
  fmt::print(stderr, "{}\n", text);
}

void Progress::clear() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
  drawn_ = false;
}

std::string clock_time(double seconds) {
  const int64_t s = std::llround(seconds);
  return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60)
                  : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

}  // namespace gradus::ssgan
