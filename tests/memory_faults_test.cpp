#include <sys/resource.h>

#include <iostream>

#include "tests/catch.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

// Runs for which memory is short: they end with a message, and never by a signal. GRADUS_FAULTS=all
// has every allocation of 4 KiB and more fail in turn.

using namespace gradus;

namespace {

std::string line_for(const SmallSvhn& data, const std::filesystem::path& out) {
  return "train" + data.flags() + "--epochs 1 --limit-batches 2 --threads 1 --overwrite --out " +
         quoted(out);
}

void check_end(const ProgramResult& r) {
  INFO(r.err);
  CHECK((r.status == 0 || r.status == 1));
  if (r.status == 1) CHECK_THAT(r.err, ContainsSubstring("ssgan: ") && ContainsSubstring("memory"));
}

}  // namespace

TEST_CASE("memory faults: an allocation of ours fails") {
  if (kSanitized) {
    std::cout << "skipped: sanitizers have to be loaded first\n";
    return;
  }
  const SmallSvhn data;
  const TempDir dir;
  const int stride = std::getenv("GRADUS_FAULTS") ? 1 : 13;
  int trials = 0;
  for (int n = 2;; n += stride) {
    std::filesystem::remove(dir / "mark");
    const ProgramResult r = run_program(line_for(data, dir / "run"),
                                        {.environment = {{"FAULT_NUMBER", std::to_string(n)},
                                                         {"FAULT_LEAST", "4096"},
                                                         {"FAULT_MARK", (dir / "mark").string()}},
                                         .preload = MEMORY_FAULTS});
    if (!std::filesystem::exists(dir / "mark")) break;
    ++trials;
    INFO("allocation " << n);
    check_end(r);
  }
  CHECK(trials > 5);
}

TEST_CASE("memory faults: the system gives little memory") {
  if (kSanitized) {
    std::cout << "skipped: sanitizers take more of the address space than there is to give\n";
    return;
  }
  const SmallSvhn data;
  const TempDir dir;
  int ended_well = 0, ended_badly = 0;
  for (rlim_t megabytes = 64; megabytes <= 160; megabytes += 4) {
    const rlimit limit{megabytes << 20, megabytes << 20};
    const ProgramResult r = run_program(line_for(data, dir / "run"),
                                        {.before_start = [&] { ::setrlimit(RLIMIT_AS, &limit); }});
    INFO(megabytes << " MB");
    check_end(r);
    ++(r.status == 0 ? ended_well : ended_badly);
  }
  CHECK(ended_well > 0);
  CHECK(ended_badly > 0);
}
