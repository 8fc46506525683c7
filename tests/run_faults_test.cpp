#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

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

std::string without_seconds(const std::string& epochs) {
  std::string out;
  for (size_t begin = 0, end; (end = epochs.find('\n', begin)) != epochs.npos; begin = end + 1)
    out += epochs.substr(begin, epochs.rfind(',', end) - begin) + "\n";
  return out;
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
                        fs::exists(checkpoint_dir(out)) && !fs::is_empty(checkpoint_dir(out));
    const bool is_ours = is_run && text_of(out / "config.json") == text_of(path() / "config.json");
    const ProgramResult r = run_program(is_ours ? resume(out) : start(out) + " --overwrite");
    INFO(r.err);
    REQUIRE(r.status == 0);
    check_same(out);
  }
  void check_same(const fs::path& out) const {
    // A signal's own checkpoint, of step 9 say, counts among the three that remain.
    const fs::directory_iterator kept(checkpoint_dir(out));
    CHECK(std::distance(begin(kept), end(kept)) >= 3);
    CHECK(fs::exists(checkpoint(out, 12)));
    for (const int step : {8, 10, 12}) {
      INFO(step);
      if (fs::exists(checkpoint(out, step)))
        CHECK((text_of(checkpoint(out, step)) == text_of(checkpoint(path(), step))));
    }
    CHECK((text_of(out / "metrics.jsonl") == text_of(path() / "metrics.jsonl")));
    CHECK((text_of(out / "config.json") == text_of(path() / "config.json")));
    CHECK(without_seconds(text_of(out / "epochs.csv")) ==
          without_seconds(text_of(path() / "epochs.csv")));
    for (int epoch = 0; epoch < 4; ++epoch) {
      const std::string name = fmt::format("samples/epoch_{:03}.png", epoch);
      CHECK((text_of(out / name) == text_of(path() / name)));
    }
    for (const auto& entry : fs::recursive_directory_iterator(out))
      CHECK(entry.path().extension() != ".tmp");
    CHECK(text_of(out / "report.html").find("left out") == std::string::npos);
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
          run_program(line, {.environment = {{"LD_PRELOAD", FILE_FAULTS},
                                             {"FAULT_CALL", call},
                                             {"FAULT_NUMBER", std::to_string(n)},
                                             {"FAULT_BELOW", out.string()},
                                             {"FAULT_MARK", (marks / "mark").string()}}});
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
      const bool resumes =
          is_ours && fs::exists(out / "checkpoints") && !fs::is_empty(out / "checkpoints");
      const ProgramResult r = run_program(
          resumes ? Whole::resume(out) : whole.start(out) + " --overwrite",
          {.meanwhile = [&](pid_t pid, const ProgramResult&) {
            const std::chrono::duration<double> past = std::chrono::steady_clock::now() - start;
            if (!sent && past.count() > delay) sent = ::kill(pid, number) == 0;
          }});
      INFO("signal " << number << " after " << delay << " s, status " << r.status << "\n" << r.err);
      CHECK((r.status == 0 || (sent && r.status == 128 + number)));
      if (r.status == 0) break;
      ++killed;
    }
    whole.check_goes_on(out);
  }
}
