#include "apps/ssgan/run/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <string_view>

#include "apps/ssgan/say.h"

namespace gradus::ssgan {
namespace {

// A rough guess, of a whole step's time an image: the discriminator without gradients on one image,
// until an evaluation of the run was timed.
constexpr double kEvaluation = 0.1;

/// Characters of UTF-8.
int width_of(std::string_view text) {
  return static_cast<int>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

bool is_dumb() {
  const char* term = std::getenv("TERM");
  return !term || std::string_view(term) == "dumb";
}

}  // namespace

double TimeLeft::after(int64_t step) const {
  const auto epochs = [&](int64_t from, int64_t to) {
    return static_cast<double>(to / work_.per_epoch - from / work_.per_epoch);
  };
  const double image = step_ / static_cast<double>(work_.batch_size);
  const double evaluation =
      evaluation_ >= 0 ? evaluation_ : kEvaluation * image * static_cast<double>(work_.test_images);
  double seconds = step_ * static_cast<double>(work_.last_step - step) +
                   evaluation * epochs(step, work_.last_step);
  seconds += work_.beside * (step_ * static_cast<double>(work_.last_step) +
                             evaluation * epochs(0, work_.last_step));
  return seconds;
}

Progress::Progress(const Workload& work, int64_t log_every, bool color)
    : work_(work),
      left_(work),
      terminal_(isatty(STDERR_FILENO)),
      color_(color),
      bar_(terminal_ && (color || !is_dumb())),
      log_every_(log_every) {}

void Progress::reach(int64_t step) {
  const std::chrono::duration<double> seconds = Clock::now() - start_;
  if (step > work_.first_step)
    left_.steps(step - work_.first_step, std::max(seconds.count() - evaluations_, 1e-9));
}

void Progress::evaluated(double seconds) {
  evaluations_ += seconds;
  left_.evaluation(seconds);
}

void Progress::update(int64_t step, const std::string& state) {
  const auto now = Clock::now();
  const bool is_last = step == work_.last_step;
  if (bar_ ? !is_last && now - drawn_at_ < std::chrono::milliseconds(100)
           : !is_last && step % log_every_ != 0)
    return;
  const std::string count = fmt::format("{}/{}", step, work_.last_step);
  std::vector<std::string> parts{
      clock_time(left_.after(step)) + (work_.beside > 0 ? " left in all" : " left"), state};
  if (const double seconds = left_.seconds_a_step(); seconds > 0) {
    parts.push_back(fmt::format("{:.1f} steps/s", 1 / seconds));
    parts.push_back(
        fmt::format("{:.0f} images/s", static_cast<double>(work_.batch_size) / seconds));
  }
  if (!bar_) {
    parts.insert(parts.begin(), "step " + count);
    say("{}\n", fitted(parts, terminal_ ? terminal_columns(STDERR_FILENO) : 1 << 20));
    return;
  }
  // A bar where there is room for it beside the numbers.
  const int room = terminal_columns(STDERR_FILENO);
  parts.insert(parts.begin(), count);
  const std::string numbers = fitted(parts, room);
  const int width = std::min(24, room - static_cast<int>(numbers.size()) - 4);
  std::string bar;
  if (width >= 4) {
    const int full = static_cast<int>(width * step / std::max<int64_t>(work_.last_step, 1));
    bar = fmt::format("{}[{:#>{}}{:.>{}}]{}  ", color_ ? "\033[36m" : "", "", full, "",
                      width - full, color_ ? "\033[0m" : "");
  }
  say("\r\033[K{}{}", bar, numbers);
  std::fflush(stderr);
  drawn_ = true;
  drawn_at_ = now;
}

void Progress::line(const std::vector<std::string>& parts) {
  clear();
  say("{}\n", fitted(parts, terminal_ ? terminal_columns(STDERR_FILENO) : 80));
}

void Progress::words(const std::string& text) {
  clear();
  say("{}", folded(text + "\n", terminal_columns(STDERR_FILENO), 2));
}

void Progress::clear() {
  if (drawn_) say("\r\033[K");
  drawn_ = false;
}

std::string clock_time(double seconds) {
  if (!(std::abs(seconds) < 1e12)) return "?";
  const int64_t s = std::llround(seconds);
  return s < 3600 ? fmt::format("{}:{:02}", s / 60, s % 60)
                  : fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

int terminal_columns(int fd) {
  if (!isatty(fd)) return 0;
  winsize size{};
  int n = ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
  if (const char* told = std::getenv("COLUMNS"); n == 0 && told) n = std::atoi(told);
  return std::max(n > 0 ? n : 80, 20) - 1;
}

std::string fitted(const std::vector<std::string>& parts, int columns) {
  std::string line = parts.front().substr(0, static_cast<size_t>(columns));
  for (size_t i = 1; i < parts.size(); ++i) {
    if (static_cast<int>(line.size() + 2 + parts[i].size()) > columns) break;
    line += "  " + parts[i];
  }
  return line;
}

std::string folded(const std::string& text, int columns, int indent) {
  if (columns == 0) return text;
  const std::string margin(static_cast<size_t>(std::min(indent, columns / 4)), ' ');
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    while (width_of(line) > columns) {
      // The last space within the room, else the first one behind it; not of the margin.
      size_t at = line.npos;
      const size_t begin = line.find_first_not_of(' ');
      for (size_t space = line.find(' ', begin); space != line.npos;
           space = line.find(' ', space + 1)) {
        if (at != line.npos && width_of(line.substr(0, space)) > columns) break;
        at = space;
      }
      if (at == line.npos) break;
      out += line.substr(0, at) + "\n";
      line = margin + line.substr(line.find_first_not_of(' ', at));
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace gradus::ssgan
