#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace gradus::ssgan {

/// Progress on stderr: a bar with rate and time left where stderr is a terminal, else one plain
/// line every `log_every` steps, at least 1.
class Progress {
 public:
  /// From `first_step` taken to `last_step`.
  Progress(int64_t first_step, int64_t last_step, int64_t log_every, bool color);
  ~Progress() { clear(); }
  /// After step `step` (1 is the first).
  void update(int64_t step, const std::string& state);
  /// Prints a line of its own, past the bar.
  void line(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;
  void clear();

  bool terminal_, color_;
  bool drawn_ = false;
  int64_t first_, last_, log_every_;
  Clock::time_point start_ = Clock::now(), drawn_at_{};
};

/// Of 125 and 3725 seconds: "2:05", "1:02:05".
std::string clock_time(double seconds);

}  // namespace gradus::ssgan
