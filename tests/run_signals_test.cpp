#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include "tests/catch.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

// Runs that are asked to stop, and runs whose words nobody hears.

using namespace gradus;
namespace fs = std::filesystem;

namespace {

bool ends_with_checkpoint(const fs::path& run) {
  const std::string metrics = text_of(run / "metrics.jsonl");
  const auto steps = std::count(metrics.begin(), metrics.end(), '\n');
  return steps > 0 &&
         fs::exists(run / "checkpoints" / fmt::format("step_{:08}.safetensors", steps));
}

/// Steps without end, but for the signals sent when stderr shows step 3.
ProgramResult signalled(const fs::path& run, std::initializer_list<int> signals, int ignored = 0) {
  const SmallSvhn data;
  bool sent = false;
  return run_program("train" + data.flags() + "--epochs 400000 --log-every 1 --out " + quoted(run),
                     {.before_start =
                          [&] {
                            if (ignored) ::signal(ignored, SIG_IGN);
                          },
                      .meanwhile =
                          [&](pid_t pid, const ProgramResult& so_far) {
                            if (sent || so_far.err.find("step 3/") == so_far.err.npos) return;
                            sent = true;
                            for (const int s : signals) {
                              ::kill(pid, s);
                              ::usleep(1000);
                            }
                          }});
}

/// Output that fails in each of the ways that there are.
void to_full_disk(int fd) { ::dup2(::open("/dev/full", O_WRONLY), fd); }
void to_nobody(int fd) {
  int ends[2];
  if (::pipe(ends) != 0) return;
  ::close(ends[0]);
  ::dup2(ends[1], fd);
  ::close(ends[1]);
}
void to_read_only(int fd) { ::dup2(::open("/dev/null", O_RDONLY), fd); }
void to_closed(int fd) { ::close(fd); }
constexpr void (*kBroken[])(int) = {to_full_disk, to_nobody, to_read_only, to_closed};

}  // namespace

TEST_CASE("run: SIGTERM and SIGHUP write a checkpoint, as Ctrl-C") {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    INFO("signal " << number);
    const TempDir dir;
    const ProgramResult r = signalled(dir / "run", {number});
    CHECK(r.status == 128 + number);
    CHECK_THAT(r.err, ContainsSubstring("after step "));
    CHECK(ends_with_checkpoint(dir / "run"));
    CHECK(fs::exists(dir / "run" / "report.html"));
  }
}

TEST_CASE("run: a signal ignored from the start stays ignored") {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    INFO("signal " << number);
    const TempDir dir;
    // The one that is ignored would have come first.
    const int other = number == SIGTERM ? SIGHUP : SIGTERM;
    const ProgramResult r = signalled(dir / "run", {number, other}, number);
    CHECK(r.status == 128 + other);
    CHECK(ends_with_checkpoint(dir / "run"));
  }
}

TEST_CASE("run: a second signal, of any kind, leaves at once") {
  for (const auto& [first, second] : {std::pair{SIGTERM, SIGTERM}, {SIGHUP, SIGTERM}}) {
    const TempDir dir;
    const SmallSvhn data;
    // Both are pending when the program goes on, so that no step can come between them.
    bool sent = false;
    const ProgramResult r = run_program(
        "train" + data.flags() + "--epochs 400000 --log-every 1 --out " + quoted(dir / "run"),
        {.meanwhile = [&, first = first, second = second](pid_t pid, const ProgramResult& so_far) {
          if (sent || so_far.err.find("step 3/") == so_far.err.npos) return;
          sent = true;
          ::kill(pid, first);
          ::usleep(200);
          for (int i = 0; i < 50; ++i) ::kill(pid, second);
        }});
    CHECK((r.status == 128 + first || r.status == 128 + second));
  }
}

TEST_CASE("run: training goes on where stderr takes nothing") {
  const SmallSvhn data;
  for (const auto broken : kBroken) {
    const TempDir dir;
    const ProgramResult r = run_program(
        "train" + data.flags() + "--epochs 2 --log-every 1 --out " + quoted(dir / "run"),
        {.before_start = [&] { broken(STDERR_FILENO); }});
    CHECK(r.status == 0);
    CHECK_THAT(r.out, ContainsSubstring("accuracy   test "));
    CHECK(ends_with_checkpoint(dir / "run"));
    CHECK(text_of(dir / "run" / "config.json").starts_with("{"));
  }
}

TEST_CASE("run: an error has its status where stderr takes nothing") {
  for (const auto broken : kBroken) {
    const ProgramSetting setting{.before_start = [&] { broken(STDERR_FILENO); }};
    CHECK(run_program("train --bogus", setting).status == 2);
    CHECK(run_program("train --data svhn --data-dir /nowhere", setting).status == 3);
    CHECK(run_program("step --weights x --batch x --out x", setting).status == 3);
  }
}

TEST_CASE("run: results that stdout does not take end with 1, after the run is whole") {
  const SmallSvhn data;
  for (const auto broken : kBroken) {
    const TempDir dir;
    const ProgramResult r =
        run_program("train" + data.flags() + "--epochs 1 --out " + quoted(dir / "run"),
                    {.before_start = [&] { broken(STDOUT_FILENO); }});
    CHECK(r.status == 1);
    CHECK_THAT(r.err, ContainsSubstring("stdout"));
    CHECK(ends_with_checkpoint(dir / "run"));
    CHECK(fs::exists(dir / "run" / "report.html"));
    for (const char* command : {"--version", "train -h", "train --dry-run", "traps", "summary"}) {
      INFO(command);
      CHECK(run_program(command, {.before_start = [&] { broken(STDOUT_FILENO); }}).status == 1);
    }
  }
}

TEST_CASE("run: both streams broken") {
  for (const auto broken : kBroken)
    CHECK(run_program("summary", {.before_start =
                                      [&] {
                                        broken(STDOUT_FILENO);
                                        broken(STDERR_FILENO);
                                      }})
              .status == 1);
}
