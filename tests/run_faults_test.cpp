#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "apps/ssgan/run/run_checkpoints.h"
#include "apps/ssgan/run/run_files.h"
#include "tests/catch.h"
#include "tests/checkpoint_files.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

// Runs that are killed, and runs whose system calls fail: afterwards they go on, and end as one to
// which nothing happened. GRADUS_KILLS sets how many are killed, GRADUS_FAULTS=all has every call
// fail in turn.

using namespace gradus;
using namespace gradus::ssgan;
namespace fs = std::filesystem;

namespace {

int from_environment(const char* name, int otherwise) {
  const char* value = std::getenv(name);
  return value ? std::atoi(value) : otherwise;
}

/// A file of the run, without what tells times and the folder's name.
std::string without_times(const fs::path& run, const std::string& name) {
  const char* const times = name == "epochs.csv"     ? ",[0-9.]+(?=\n)"
                            : name == "summary.json" ? "seconds\": [-+.e0-9]+"
                            : name == "report.html"
                                ? ">[0-9.]+\u00A0(s|min [0-9]+\u00A0s)<|report: [^<]*"
                                : nullptr;
  const std::string text = text_of(run / name);
  return times ? std::regex_replace(text, std::regex(times), "") : text;
}

/// The lines on epochs, each as it was logged last: a run that was killed repeats some.
std::string epochs_logged(const fs::path& run) {
  std::map<std::string, std::string> last;
  std::istringstream lines(text_of(run / "log.txt"));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("epoch ")) last[line.substr(0, 9)] = line.substr(0, line.rfind("  "));
  std::string all;
  for (const auto& [epoch, line] : last) all += line + "\n";
  return all;
}

/// TensorBoard's events in all files, without the times at which they were written.
std::vector<std::string> events_of(const fs::path& run) {
  constexpr size_t kHead = 12, kCrc = 4, kTime = 9;
  std::vector<std::string> all;
  for (const auto& entry : fs::directory_iterator(run / "tb")) {
    const std::string file = text_of(entry.path());
    for (size_t at = 0, size; at + kHead <= file.size(); at += kHead + size + kCrc) {
      std::memcpy(&size, file.data() + at, sizeof size);
      const std::string event = file.substr(at + kHead + kTime, size - kTime);
      if (event.find("brain.Event") == event.npos) all.push_back(event);
    }
  }
  std::ranges::sort(all);
  return all;
}

/// A run of twelve steps, and what it must leave.
class Whole {
 public:
  Whole() {
    const ProgramResult r = run_program(start(path()));
    INFO(r.err);
    REQUIRE(r.status == 0);
  }
  std::string flags() const {
    return data_.flags() + "--epochs 4 --limit-batches 3 --save-every 2";
  }
  std::string start(const fs::path& out) const {
    return "train" + flags() + " --out " + quoted(out);
  }
  static std::string resume(const fs::path& out) {
    return "train --resume --save-every 2 --out " + quoted(out);
  }
  fs::path path() const { return dir_ / "whole"; }

  /// That the run in `out`, whatever happened to it, can be brought to the same end.
  void check_goes_on(const fs::path& out) const {
    const bool is_run = fs::exists(out) && what_holds(out) == Holds::run &&
                        checkpoint_upto(out, kAnyStep);  // not one that was half written
    const bool is_ours = is_run && text_of(out / "config.json") == text_of(path() / "config.json");
    const ProgramResult r = run_program(is_ours ? resume(out) : start(out) + " --overwrite");
    INFO(r.err);
    REQUIRE(r.status == 0);
    check_same(out);
  }
  /// That every file is as that of the whole run, but for times and what a log says of each start.
  void check_same(const fs::path& out) const {
    std::set<std::string> missing, others;
    for (const auto& entry : fs::recursive_directory_iterator(path()))
      if (entry.is_regular_file()) missing.insert(entry.path().lexically_relative(path()));
    for (const auto& entry : fs::recursive_directory_iterator(out)) {
      const std::string name = entry.path().lexically_relative(out);
      if (!entry.is_regular_file() || name.starts_with("tb/")) continue;
      if (!missing.erase(name))
        others.insert(name);
      else if (name != "log.txt" && without_times(out, name) != without_times(path(), name))
        others.insert(name + ", another content");
    }
    // A signal's own checkpoint, of step 9 say, counts among the three that remain.
    const auto is_checkpoint = [](const std::string& name) {
      return name.starts_with("checkpoints/step_") && name.ends_with("safetensors");
    };
    CHECK(std::ranges::count_if(others, is_checkpoint) ==
          std::ranges::count_if(missing, is_checkpoint));
    CHECK(fs::exists(checkpoint(out, 12)));
    std::erase_if(others, is_checkpoint);
    std::erase_if(missing, [&](const std::string& name) {
      return is_checkpoint(name) || name.starts_with("tb/");
    });
    CHECK(others == std::set<std::string>());
    CHECK(missing == std::set<std::string>());
    CHECK(epochs_logged(out) == epochs_logged(path()));
    CHECK((events_of(out) == events_of(path())));
  }

 private:
  static fs::path checkpoint_dir(const fs::path& run) { return run / "checkpoints"; }
  SmallSvhn data_;
  TempDir dir_;
};

/// `line` with each call of a kind failing once, or every `stride`-th of them.
void check_faults(const Whole& whole, const fs::path& out, const std::string& line,
                  const std::function<void()>& prepare) {
  const bool all = std::getenv("GRADUS_FAULTS") != nullptr;
  const TempDir marks;
  int trials = 0;
  for (const char* call : {"write", "fsync", "rename", "open", "read", "mkdir", "unlink"}) {
    const int stride = all ? 1 : 29;
    for (int n = all ? 1 : 1 + trials % 5;; n += stride) {
      prepare();
      fs::remove(marks / "mark");
      const ProgramResult r =
          run_program(line, {.environment = {{"FAULT_CALL", call},
                                             {"FAULT_NUMBER", std::to_string(n)},
                                             {"FAULT_BELOW", out.string()},
                                             {"FAULT_MARK", (marks / "mark").string()}},
                             .preload = FILE_FAULTS});
      if (!fs::exists(marks / "mark")) break;
      ++trials;
      INFO(call << " " << n << " of " << line << "\n" << r.err);
      CHECK((r.status == 0 || r.status == 1 || r.status == 3));
      if (r.status != 0)
        CHECK_THAT(r.err, ContainsSubstring("ssgan: ") && ContainsSubstring("cannot"));
      if (r.status == 0 && !fs::exists(checkpoint(out, 12))) CHECK(false);
      whole.check_goes_on(out);
    }
  }
  CHECK(trials > 7);
}

}  // namespace

TEST_CASE("run faults: a start, its files failing") {
  if (kSanitized) {
    std::cout << "skipped: sanitizers have to be loaded first\n";
    return;
  }
  const Whole whole;
  const TempDir dir;
  const fs::path out = dir / "run";
  check_faults(whole, out, whole.start(out), [&] { fs::remove_all(out); });
}

TEST_CASE("run faults: a resumed run, its files failing") {
  if (kSanitized) {
    std::cout << "skipped: sanitizers have to be loaded first\n";
    return;
  }
  const Whole whole;
  const TempDir dir;
  const fs::path out = dir / "run", half = dir / "half";
  REQUIRE(run_program(whole.start(half) + " --max-steps 7").status == 0);
  check_faults(whole, out, Whole::resume(out), [&] {
    fs::remove_all(out);
    fs::copy(half, out, fs::copy_options::recursive);
  });
}

TEST_CASE("run faults: a replacement, its files failing") {
  if (kSanitized) {
    std::cout << "skipped: sanitizers have to be loaded first\n";
    return;
  }
  const Whole whole;
  const TempDir dir;
  const fs::path out = dir / "run", other = dir / "other";
  REQUIRE(run_program(whole.start(other) + " --seed 2 --baseline").status == 0);
  check_faults(whole, out, whole.start(out) + " --overwrite", [&] {
    fs::remove_all(out);
    fs::copy(other, out, fs::copy_options::recursive);
  });
}

TEST_CASE("run faults: killed and stopped at any moment") {
  const Whole whole;
  const TempDir dir;
  const fs::path out = dir / "run", other = dir / "other";
  REQUIRE(run_program(whole.start(other) + " --seed 2").status == 0);
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(run_program(whole.start(dir / "timed")).status == 0);
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  std::mt19937 random(static_cast<unsigned>(from_environment("GRADUS_KILL_SEED", 1)));
  const int kills = from_environment("GRADUS_KILLS", 5);
  for (int killed = 0; killed < kills;) {
    fs::remove_all(out);
    // Every other run replaces one.
    if (random() % 2) fs::copy(other, out, fs::copy_options::recursive);
    for (int of_this = 0; killed < kills && of_this < 4; ++of_this) {
      const bool is_ours = fs::exists(out / "config.json") && what_holds(out) == Holds::run &&
                           text_of(out / "config.json") == text_of(whole.path() / "config.json");
      constexpr int kSignals[] = {SIGKILL, SIGKILL, SIGTERM, SIGHUP};
      const int number = kSignals[random() % 4];
      const double delay = std::uniform_real_distribution(0.0, 1.1 * time.count())(random);
      const auto start = std::chrono::steady_clock::now();
      bool sent = false;
      const bool resumes = is_ours && checkpoint_upto(out, kAnyStep);
      const ProgramResult r = run_program(
          resumes ? Whole::resume(out) : whole.start(out) + " --overwrite",
          {.meanwhile = [&](pid_t pid, const ProgramResult&) {
            const std::chrono::duration<double> past = std::chrono::steady_clock::now() - start;
            if (!sent && past.count() > delay) sent = ::kill(pid, number) == 0;
          }});
      INFO("signal " << number << " after " << delay << " s, status " << r.status << "\n" << r.err);
      CHECK((r.status == 0 || (sent && r.status == 128 + number)));
      if (r.status == 0) break;
      if (++killed % 50 == 0) std::cout << killed << " killed" << std::endl;
    }
    whole.check_goes_on(out);
  }
}
