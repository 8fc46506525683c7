#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/report/table.h"
#include "apps/ssgan/report/text_chart.h"
#include "apps/ssgan/run/progress.h"
#include "apps/ssgan/run/run_files.h"
#include "apps/ssgan/run/run_lock.h"
#include "apps/ssgan/run/run_summary.h"
#include "apps/ssgan/utf8.h"
#include "tensor/error.h"

namespace gradus::ssgan {
namespace {

namespace fs = std::filesystem;

struct Screen {
  int columns = 80, rows = 40;
  bool redraws = false;  ///< whether it is a terminal that can move its cursor
};

Screen screen() {
  Screen s;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    s.columns = std::max<int>(size.ws_col, 20) - 1;  // some break the line in the last column
    s.rows = size.ws_row > 0 ? size.ws_row : s.rows;
  }
  const char* term = std::getenv("TERM");
  s.redraws = isatty(STDOUT_FILENO) && term && std::string_view(term) != "dumb";
  return s;
}

/// What the folder says of a run by now.
struct State {
  bool running = false;
  std::optional<RunSummary> summary;
  Table epochs, metrics, baseline;
};

State read_state(const fs::path& run) {
  State s;
  s.running = RunLock::is_held(run);  // first, so that the last look sees all that was written
  s.summary = read_summary(run);
  const std::vector<std::string> names{"epoch",          "step",    "test_accuracy",
                                       "train_accuracy", "seconds", "validation_accuracy"};
  s.epochs = read_csv(run / "epochs.csv", names, "epoch").table;
  s.metrics = read_json_lines(run / "metrics.jsonl", {"step", "d", "d_class", "g"}, "step").table;
  s.baseline = read_csv(run / "baseline" / "epochs.csv", names, "epoch").table;
  return s;
}

double last_of(const Table& table, std::string_view name) {
  return table.rows.empty() ? NAN : table.rows.back()[table.index(name)];
}

std::vector<std::string> status_line(const fs::path& run, const State& s) {
  const double step = s.metrics.rows.empty() ? 0 : last_of(s.metrics, "step");
  const double total = s.summary ? double(s.summary->total_steps) : 0;
  const bool complete = s.summary && s.summary->complete && !(step > double(s.summary->steps));
  const bool at_baseline = s.running && complete;
  std::vector<std::string> parts{at_baseline ? "trains what it is compared with"
                                 : s.running ? "runs"
                                 : complete  ? "complete"
                                             : "stopped",
                                 total > 0 ? fmt::format("step {:.0f} of {:.0f}", step, total)
                                           : fmt::format("step {:.0f}", step)};
  const double seconds = last_of(s.epochs, "seconds"), epochs = double(s.epochs.rows.size());
  if (s.running && !complete && total > step && seconds > 0)
    parts.push_back(clock_time((total - step) * seconds * epochs / last_of(s.epochs, "step")) +
                    " left");
  parts.push_back(printable(run.string()));
  return parts;
}

std::vector<std::string> scores_line(const char* what, const Table& epochs) {
  std::vector<std::string> parts{fmt::format("{} {:.0f}", what, last_of(epochs, "epoch"))};
  for (const auto& [name, column] : {std::pair{"test", "test_accuracy"},
                                     {"validation", "validation_accuracy"},
                                     {"labelled training", "train_accuracy"}})
    if (const double v = last_of(epochs, column); std::isfinite(v))
      parts.push_back(fmt::format("{} {:.4f}", name, v));
  return parts;
}

Series series_of(const Table& table, const char* x, const char* y) {
  Series s{y, {}};
  for (const auto& row : table.rows) s.points.push_back({row[table.index(x)], row[table.index(y)]});
  return s;
}

std::vector<std::string> view(const fs::path& run, const State& s, const Screen& screen) {
  std::vector<std::string> lines{fitted(status_line(run, s), screen.columns)};
  if (!s.epochs.rows.empty())
    lines.push_back(fitted(scores_line("epoch", s.epochs), screen.columns));
  if (!s.baseline.rows.empty())
    lines.push_back(fitted(scores_line("baseline, epoch", s.baseline), screen.columns));
  struct Curve {
    const char* title;
    Series series;
    bool percent;
  };
  const Curve curves[] = {
      {"test accuracy by epoch", series_of(s.epochs, "epoch", "test_accuracy"), true},
      {"baseline's by epoch", series_of(s.baseline, "epoch", "test_accuracy"), true},
      {"discriminator's loss by step", series_of(s.metrics, "step", "d"), false},
      {"generator's loss by step", series_of(s.metrics, "step", "g"), false}};
  // As many curves as there is room for, of 2 to 8 lines.
  const int drawn = s.baseline.rows.empty() ? 3 : 4;
  const int room = screen.rows - static_cast<int>(lines.size()) - 1;
  const int rows = std::clamp(room / drawn - 2, 2, 8);
  for (const Curve& c : curves) {
    const auto chart =
        draw_text_chart(c.title, c.series, c.percent, screen.columns, rows, speaks_utf8());
    if (screen.redraws && static_cast<int>(lines.size() + chart.size()) >= screen.rows) break;
    lines.insert(lines.end(), chart.begin(), chart.end());
  }
  return lines;
}

void print_lines(const std::vector<std::string>& lines, const char* line_end) {
  for (const std::string& line : lines) fmt::print("{}{}", line, line_end);
}

/// Where the cursor cannot be moved, a line an epoch and the curves at the end.
int watch(const fs::path& run, bool once) {
  require<DataError>(what_holds(run) == Holds::run, "{}: no run is there", run.string());
  for (double epochs = 0;; std::this_thread::sleep_for(std::chrono::seconds(1))) {
    const State s = read_state(run);
    const Screen to = screen();
    if (once || !s.running) {
      if (to.redraws && !once) fmt::print("\033[H\033[J");
      print_lines(view(run, s, to), "\n");
      return kDone;
    }
    if (to.redraws) {
      fmt::print("\033[H");
      print_lines(view(run, s, to), "\033[K\n");
      fmt::print("\033[J");
    } else if (const auto now = double(s.epochs.rows.size()); now != epochs) {
      print_lines({fitted(scores_line("epoch", s.epochs), to.columns)}, "\n");
      epochs = now;
    }
    require<OutputError>(std::fflush(stdout) == 0, "stdout takes nothing more");
  }
}

}  // namespace

void add_watch(CLI::App& program, Chosen& chosen) {
  struct Flags {
    std::string run;
    bool once = false;
  };
  CLI::App* app = add_command(program, "watch", "Curves of a run in the terminal, until it ends",
                              "ssgan watch runs/first");
  auto f = std::make_shared<Flags>();
  app->add_option("run", f->run, "The run's folder")->required();
  app->add_flag("--once", f->once, "Show them once and stop");
  app->callback([f, &chosen] { chosen = [f] { return watch(f->run, f->once); }; });
}

}  // namespace gradus::ssgan
