#include "apps/ssgan/run/run_logs.h"

#include <string>
#include <vector>

#include "apps/ssgan/report/tensorboard.h"
#include "apps/ssgan/report/tensorboard_records.h"
#include "apps/ssgan/run/run_files.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

// What a run that goes on makes of the logs that it finds.

using namespace gradus;
using namespace gradus::ssgan;
namespace fs = std::filesystem;

namespace {

std::string lines(int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += fmt::format("{{\"step\":{},\"d\":1.5}}\n", i);
  return text;
}

std::string row(int epoch, int step) {
  return fmt::format("{},{},0.1,1,1,1,1,1,0.5,0.5,1.000\n", epoch, step);
}

const std::string kHeader = std::string(kEpochColumns) + "\n";

}  // namespace

TEST_CASE("run logs: logs end with the step that a run goes on from") {
  const TempDir run;
  run.put("metrics.jsonl", lines(1, 12) + "{\"step\":13,\"d\"");
  run.put("epochs.csv", kHeader + row(0, 5) + row(1, 10) + "2,15,0.1");
  run.put("log.txt", "one\ntwo\nthr");
  TensorBoardWriter(run / "tb").scalar("d", 1, 10);
  TensorBoardWriter(run / "tb").scalar("d", 1, 15);
  CHECK(cut_logs(run.path(), 0, 11, 5).empty());
  CHECK(text_of(run / "metrics.jsonl") == lines(1, 11));
  CHECK(text_of(run / "epochs.csv") == kHeader + row(0, 5) + row(1, 10));
  CHECK(text_of(run / "log.txt") == "one\ntwo\nthr\n");
  const auto after = contents_of(run.path());
  CHECK(cut_logs(run.path(), 0, 11, 5).empty());
  CHECK((contents_of(run.path()) == after));
}

TEST_CASE("run logs: gaps and torn lines in the logs are told") {
  const TempDir run;
  run.put("metrics.jsonl", lines(1, 42) + "{\"step\":4\n" + lines(201, 204));
  run.put("epochs.csv", kHeader + row(0, 50) + "4,8\n" + "1,100,0.1\n" + row(3, 200));
  const auto notes = cut_logs(run.path(), 0, 205, 50);
  CHECK(notes == std::vector<std::string>{"metrics.jsonl: steps 43 to 200 are missing",
                                          "metrics.jsonl: step 205 is missing",
                                          "epochs.csv: epochs 1 to 2 are missing"});
  CHECK(text_of(run / "metrics.jsonl") == lines(1, 42) + lines(201, 204));
  CHECK(text_of(run / "epochs.csv") == kHeader + row(0, 50) + row(3, 200));
  // The front, too, but for a run that began behind a step.
  run.put("metrics.jsonl", lines(101, 205));
  run.put("epochs.csv", kHeader + row(2, 150) + row(3, 200));
  CHECK(cut_logs(run.path(), 100, 205, 50).empty());
  CHECK(cut_logs(run.path(), 0, 205, 50).size() == 2);
  fs::remove(run / "metrics.jsonl");
  CHECK(cut_logs(run.path(), 100, 205, 50) ==
        std::vector<std::string>{"metrics.jsonl: steps 101 to 205 are missing"});
}

TEST_CASE("run logs: TensorBoard's files have no step twice after a crash") {
  const std::string a = scalar_record("d", 1, 5, 0), b = scalar_record("d", 2, 10, 0),
                    version = file_version_record(0);
  CHECK(records_upto(version + a + b, 10) == version + a + b);
  CHECK(records_upto(version + a + b, 9) == version + a);
  CHECK(records_upto(version + b + a, 9) == version + a);
  for (size_t cut = 1; cut < b.size(); ++cut)
    CHECK(records_upto(version + a + b.substr(0, cut), 10) == version + a);
  for (size_t at = 0; at < b.size(); ++at) {
    std::string damaged = b;
    damaged[at] ^= 0x40;
    CHECK(records_upto(version + a + damaged, 10) == version + a);
  }
  CHECK(records_upto(std::string(100, '\xff'), 10).empty());
}
