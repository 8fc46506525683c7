#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus::ssgan {

/// What a run has to do, from where it starts.
struct Workload {
  int64_t first_step = 0, last_step = 0;  ///< taken so far; at the end
  int64_t per_epoch = 1;                  ///< steps, each epoch ends with an evaluation
  int64_t batch_size = 1;                 ///< images a step
  int64_t test_images = 0;                ///< of an evaluation
  int beside = 0;                         ///< how many runs follow that take as long
};

/// How long the rest of a run takes, from what was measured of it. Before the first evaluation
/// that and the baseline are guessed from a step's time.
class TimeLeft {
 public:
  explicit TimeLeft(const Workload& work) : work_(work) {}
  /// Since the run's start `steps` steps took `seconds`, evaluations not among them.
  void steps(int64_t steps, double seconds) { step_ = seconds / static_cast<double>(steps); }
  void evaluation(double seconds) { evaluation_ = seconds; }
  double seconds_a_step() const { return step_; }
  /// Seconds from step `step` taken; 0 where nothing was measured.
  double after(int64_t step) const;

 private:
  Workload work_;
  double step_ = 0, evaluation_ = -1;
};

/// Progress on stderr: a bar with rate and time left where stderr is a terminal that can move its
/// cursor, else one plain line every `log_every` steps, at least 1. No line is wider than the
/// terminal, from 20 columns on.
class Progress {
 public:
  Progress(const Workload& work, int64_t log_every, bool color);
  ~Progress() { clear(); }
  /// Steps up to `step` are taken, of which update has not been called yet.
  void reach(int64_t step);
  /// Of step `step` (1 is the first); `state` are its losses.
  void update(int64_t step, const std::string& state);
  /// The epoch's evaluation, which took so long.
  void evaluated(double seconds);
  /// Prints a line of its own, past the bar: as many of its parts as there is room for.
  void line(const std::vector<std::string>& parts);
  /// Prints words, past the bar, on as many lines as they need.
  void words(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;
  void clear();

  Workload work_;
  TimeLeft left_;
  bool terminal_, color_, bar_;
  bool drawn_ = false;
  int64_t log_every_;
  double evaluations_ = 0;  ///< seconds
  Clock::time_point start_ = Clock::now(), drawn_at_{};
};

/// Of 125 and 3725 seconds: "2:05", "1:02:05"; "?" of what no run lasts.
std::string clock_time(double seconds);

/// Characters that fit a line of the terminal at `fd`, 19 at least; the last column stays free,
/// since some terminals break the line there. 0 where it is no terminal.
int terminal_columns(int fd);

/// The first of `parts` that fit into `columns` characters, two spaces between them; the first one
/// cut where it alone is too wide.
std::string fitted(const std::vector<std::string>& parts, int columns);

/// Lines of text, each broken between words so that it fits into `columns` characters; what was
/// broken off is indented by `indent`, as far as there is room. A word that is wider stays whole.
/// 0 columns: the text as it is.
std::string folded(const std::string& text, int columns, int indent);

}  // namespace gradus::ssgan
