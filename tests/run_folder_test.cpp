#include "apps/ssgan/run/run_folder.h"

#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "apps/ssgan/errors.h"
#include "apps/ssgan/report/tensorboard.h"
#include "apps/ssgan/report/tensorboard_records.h"
#include "apps/ssgan/run/run_files.h"
#include "apps/ssgan/run/run_logs.h"
#include "tensor/safetensors.h"
#include "tests/catch.h"
#include "tests/checkpoint_files.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

// Who may write a run's folder, and what a run that goes on finds there.

using namespace gradus;
using namespace gradus::ssgan;
namespace fs = std::filesystem;

namespace {

std::map<std::string, std::string> contents_of(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      all[fs::relative(entry.path(), folder).string()] = text_of(entry.path());
  return all;
}

void put(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  write_file(path, std::string_view(text));
}

class Place {
 public:
  std::string train(const fs::path& out, const std::string& more = "--epochs 1") const {
    return "train" + data.flags() + more + " --out " + quoted(out);
  }
  ProgramResult ok(const std::string& line) const {
    ProgramResult r = run_program(line);
    INFO(line << "\n" << r.err);
    REQUIRE(r.status == 0);
    return r;
  }
  SmallSvhn data;
  TempDir dir;
};

std::vector<int> checkpoints(const fs::path& run) {
  std::vector<int> steps;
  for (int i = 0; i <= 100; ++i)
    if (fs::exists(checkpoint(run, i))) steps.push_back(i);
  return steps;
}

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

TEST_CASE("run folder: what is a stranger's stays") {
  const Place place;
  const std::string none = "choose another folder";
  // Each looks like a run, but no run wrote it.
  for (const auto& [name, config] : std::map<std::string, std::string>{
           {"json", "{\"name\": \"my project\"}"}, {"text", "not JSON"}, {"none", ""}}) {
    const fs::path out = place.dir / name;
    if (!config.empty()) put(out / "config.json", config);
    put(out / "samples" / "epoch_000.png", "a picture of mine");
    put(out / "checkpoints" / "model.pt", "mine");
    put(out / "log.txt", "mine");
    const auto before = contents_of(out);
    for (const char* more : {"--epochs 1", "--epochs 1 --overwrite"}) {
      const ProgramResult r = run_program(place.train(out, more));
      INFO(name << " " << more << "\n" << r.err);
      CHECK(r.status == 1);
      CHECK_THAT(r.err, ContainsSubstring(out.string()) && ContainsSubstring(none));
      CHECK((contents_of(out) == before));
    }
  }
}

TEST_CASE("run folder: a folder whose checkpoints/ is not empty is no place to start") {
  const Place place;
  put(place.dir / "run" / "checkpoints" / "model.pt", "mine");
  const ProgramResult r = run_program(place.train(place.dir / "run"));
  CHECK(r.status == 1);
  CHECK_THAT(r.err, ContainsSubstring("checkpoints/ is not empty"));
  CHECK(contents_of(place.dir / "run").size() == 1);
}

TEST_CASE("run folder: --overwrite takes a run's files alone") {
  const Place place;
  const fs::path out = place.dir / "run";
  place.ok(place.train(out));
  for (const char* name : {"notes.txt", "samples/notes.txt", "samples/best.png", "tb/notes.txt",
                           "checkpoints/model.pt", "baseline/notes.txt", "epoch_000.png"})
    put(out / name, "mine");
  place.ok(place.train(out, "--epochs 2 --seed 2 --overwrite"));
  for (const char* name : {"notes.txt", "samples/notes.txt", "samples/best.png", "tb/notes.txt",
                           "checkpoints/model.pt", "baseline/notes.txt", "epoch_000.png"}) {
    INFO(name);
    CHECK(text_of(out / name) == "mine");
  }
  CHECK(std::distance(fs::directory_iterator(out / "tb"), {}) == 2);
}

TEST_CASE("run folder: the root is none") {
  using Kind = RunStart::Kind;
  for (const char* root : {"/", "//", "/.", "/tmp/.."})
    for (const Kind kind : {Kind::fresh, Kind::overwrite, Kind::resume})
      CHECK_THROWS_AS(RunFolder::require_startable(root, kind), UsageError);
}

TEST_CASE("run folder: checkpoints without a configuration are no place to start") {
  const Place place;
  const fs::path out = place.dir / "run";
  place.ok(place.train(out));
  fs::remove(out / "config.json");
  const auto before = contents_of(out);
  CHECK(run_program(place.train(out)).status == 1);
  CHECK(run_program("train --resume --out " + quoted(out)).status == 3);
  CHECK((contents_of(out) == before));
}

TEST_CASE("run folder: a second run in it is refused while the first is on") {
  const Place place;
  const fs::path out = place.dir / "run";
  int refused = 0;
  const ProgramResult first = run_program(
      place.train(out, "--epochs 400000 --log-every 1"),
      {.meanwhile = [&](pid_t pid, const ProgramResult& so_far) {
        if (refused > 0 || so_far.err.find("step 3/") == so_far.err.npos) return;
        for (const std::string& line :
             {place.train(out), place.train(out, "--epochs 1 --overwrite"),
              "train --resume --out " + quoted(out),
              "train --resume " + quoted(checkpoint(out, 0)) + " --out " + quoted(out)}) {
          const ProgramResult r = run_program(line);
          INFO(line << "\n" << r.err);
          CHECK(r.status == 1);
          CHECK_THAT(r.err, ContainsSubstring("another process"));
          ++refused;
        }
        ::kill(pid, SIGTERM);
      }});
  CHECK(first.status == 143);
  CHECK(refused == 4);
  // The lock goes with its process.
  place.ok("train --resume --max-steps 1 --out " + quoted(out));
}

TEST_CASE("run folder: two new folders of one name are two") {
  const TempDir dir;
  CHECK(RunFolder::make_new(dir / "runs" / "a") == dir / "runs" / "a");
  CHECK(RunFolder::make_new(dir / "runs" / "a") == dir / "runs" / "a-2");
  CHECK(RunFolder::make_new(dir / "runs" / "a") == dir / "runs" / "a-3");
}

TEST_CASE("run folder: runs without --out that start together have folders of their own") {
  const Place place;
  const std::string line = "train" + place.data.flags() + "--epochs 1";
  const auto in_place = [&] {
    if (::chdir(place.dir.path().c_str()) != 0) ::_exit(126);
  };
  // A run within the first one's time, so that their names would be the same.
  int others = 0;
  const ProgramResult r = run_program(
      line, {.before_start = in_place, .meanwhile = [&](pid_t pid, const ProgramResult&) {
               if (others >= 2) return;
               ::kill(pid, SIGSTOP);
               while (others < 2) {
                 ++others;
                 CHECK(run_program(line, {.before_start = in_place}).status == 0);
               }
               ::kill(pid, SIGCONT);
             }});
  CHECK(r.status == 0);
  CHECK(std::distance(fs::directory_iterator(place.dir / "runs"), {}) == 3);
  for (const auto& run : fs::directory_iterator(place.dir / "runs"))
    CHECK(contents_of(run.path()).contains("checkpoints/step_00000005.safetensors"));
}

TEST_CASE("run folder: a replacement cut short is not gone on with") {
  const Place place;
  const fs::path out = place.dir / "run";
  place.ok(place.train(out));
  remove_run(out);
  CHECK(what_holds(out) == Holds::replaced);
  // As if the program had been killed after its first removal.
  put(checkpoint(out, 5), "what is left");
  for (const std::string& line : {"train --resume --out " + quoted(out), place.train(out)}) {
    const ProgramResult r = run_program(line);
    INFO(r.err);
    CHECK(r.status != 0);
    CHECK_THAT(r.err, ContainsSubstring("being replaced") && ContainsSubstring("--overwrite"));
  }
  place.ok(place.train(out, "--epochs 2 --seed 2 --overwrite"));
  CHECK(checkpoints(out) == std::vector{0, 10});
}

TEST_CASE("run folder: a checkpoint of another run is not gone on with") {
  const Place place;
  place.ok(place.train(place.dir / "a"));
  place.ok(place.train(place.dir / "b", "--epochs 1 --seed 2"));
  fs::copy_file(checkpoint(place.dir / "a", 5), checkpoint(place.dir / "b", 5),
                fs::copy_options::overwrite_existing);
  for (const std::string& line : {"train --resume --out " + quoted(place.dir / "b"),
                                  "train --resume " + quoted(checkpoint(place.dir / "b", 5))}) {
    const ProgramResult r = run_program(line);
    CHECK(r.status == 3);
    CHECK_THAT(r.err, ContainsSubstring("seed is 1 in the checkpoint, 2 in config.json"));
  }
}

TEST_CASE("run folder: a damaged newest checkpoint gives way to the one before") {
  const Place place;
  const fs::path out = place.dir / "run", whole = place.dir / "whole";
  place.ok(place.train(whole, "--epochs 3"));
  place.ok(place.train(out, "--epochs 3 --save-every 4 --max-steps 12"));
  const std::string last = text_of(checkpoint(out, 12));
  const std::string damages[] = {"", last.substr(0, last.size() / 2), [&] {
                                   std::string flipped = last;
                                   flipped.back() ^= 1;
                                   return flipped;
                                 }()};
  const TempDir before;
  fs::copy(out, before / "run", fs::copy_options::recursive);
  for (const std::string& damage : damages) {
    fs::remove_all(out);
    fs::copy(before / "run", out, fs::copy_options::recursive);
    put(checkpoint(out, 12), damage);
    put(checkpoint(out, 8).string() + ".77-0.tmp", "left by a kill");
    const ProgramResult r = place.ok("train --resume --out " + quoted(out));
    CHECK_THAT(r.err,
               ContainsSubstring(checkpoint(out, 12).string()) && ContainsSubstring("put aside"));
    CHECK((text_of(checkpoint(out, 15)) == text_of(checkpoint(whole, 15))));
    CHECK((text_of(out / "metrics.jsonl") == text_of(whole / "metrics.jsonl")));
    CHECK((text_of(checkpoint(out, 12).string() + ".damaged") == damage));
    for (const auto& [name, text] : contents_of(out)) CHECK(name.find(".tmp") == name.npos);
  }
  for (const int step : checkpoints(out)) put(checkpoint(out, step), "x");
  const auto all = contents_of(out);
  const ProgramResult r = run_program("train --resume --out " + quoted(out));
  CHECK(r.status == 3);
  CHECK_THAT(r.err, ContainsSubstring("no checkpoint of this run is whole"));
  CHECK((contents_of(out) == all));
}

TEST_CASE(
    "run folder: a run can be gone on with from its start, and one that cannot be saved ends") {
  const Place place;
  const fs::path out = place.dir / "run";
  place.ok(place.train(out, "--epochs 1 --max-steps 3"));
  CHECK(checkpoints(out) == std::vector{0, 3});
  fs::remove(checkpoint(out, 3));
  place.ok("train --resume --out " + quoted(out));
  CHECK(checkpoints(out) == std::vector{0, 5});
  // A disk too small for a checkpoint shows before the first step.
  const ProgramResult r = run_program(place.train(place.dir / "small", "--epochs 4"),
                                      {.largest_file = fs::file_size(checkpoint(out, 0)) - 1});
  CHECK(r.status == 1);
  CHECK_THAT(r.err, ContainsSubstring("step_00000000.safetensors: cannot be written"));
  CHECK(text_of(place.dir / "small" / "metrics.jsonl").empty());
}

TEST_CASE("run folder: so many checkpoints are kept") {
  const Place place;
  place.ok(place.train(place.dir / "three", "--epochs 2 --save-every 2"));
  CHECK(checkpoints(place.dir / "three") == std::vector{0, 6, 8, 10});
  place.ok(place.train(place.dir / "all", "--epochs 2 --save-every 2 --keep 100"));
  CHECK(checkpoints(place.dir / "all") == std::vector{0, 2, 4, 6, 8, 10});
  // What replay needs to begin from is kept where a run goes on in a new folder.
  const std::string from = "train --resume " + quoted(checkpoint(place.dir / "all", 4));
  place.ok(from + " --save-every 2 --keep 1 --out " + quoted(place.dir / "on"));
  CHECK(checkpoints(place.dir / "on") == std::vector{4, 10});
}

TEST_CASE("run folder: a finished run is complete, and nothing is touched") {
  const Place place;
  const fs::path out = place.dir / "run";
  place.ok(place.train(out, "--epochs 1 --baseline"));
  const auto before = contents_of(out);
  for (const char* more : {"", " --baseline"}) {
    const ProgramResult r = place.ok("train --resume --out " + quoted(out) + more);
    CHECK_THAT(r.err, ContainsSubstring("complete"));
    CHECK_THAT(r.out,
               ContainsSubstring("baseline   test ") && ContainsSubstring("steps      5 in "));
    CHECK((contents_of(out) == before));
  }
}

TEST_CASE("run folder: a baseline that was missing comes by resuming") {
  const Place place;
  const fs::path out = place.dir / "run";
  place.ok(place.train(out));
  const auto summary = nlohmann::json::parse(text_of(out / "summary.json"));
  place.ok("train --resume --baseline --out " + quoted(out));
  auto later = nlohmann::json::parse(text_of(out / "summary.json"));
  CHECK(later.at("baseline_accuracy").is_number());
  later.erase("baseline_accuracy");
  CHECK(later == summary);
}

TEST_CASE("run folder: times add up, and changed settings are told") {
  const Place place;
  const fs::path out = place.dir / "run";
  place.ok(place.train(out, "--epochs 2 --max-steps 3"));
  auto summary = nlohmann::json::parse(text_of(out / "summary.json"));
  CHECK(summary.at("complete") == false);
  summary["seconds"] = 5000;
  put(out / "summary.json", summary.dump());
  const ProgramResult r = place.ok("train --resume --lr 0.5e-3 --threads 3 --out " + quoted(out));
  summary = nlohmann::json::parse(text_of(out / "summary.json"));
  CHECK(summary.at("complete") == true);
  CHECK(summary.at("seconds") > 5000);
  CHECK(summary.at("seconds") < 6000);
  CHECK_THAT(r.out, ContainsSubstring(" in 1:23:"));
  const std::string log = text_of(out / "log.txt");
  for (const std::string& told : {r.err, log}) {
    CHECK_THAT(told, ContainsSubstring("changed on resume: lr 0.0012 -> 0.0005"));
    CHECK_THAT(told, ContainsSubstring(" -> 3: the bits may differ"));
  }
  CHECK(nlohmann::json::parse(text_of(out / "config.json")).at("threads") == 3);
  CHECK(nlohmann::json::parse(text_of(out / "config.json")).at("lr") == 0.0005);
}

TEST_CASE("run folder: a run killed before its first step has times, too") {
  const Place place;
  const fs::path out = place.dir / "run";
  place.ok(place.train(out, "--epochs 1 --max-steps 1"));
  fs::remove(checkpoint(out, 1));
  auto summary = nlohmann::json::parse(text_of(out / "summary.json"));
  summary["steps"] = 0;
  put(out / "summary.json", summary.dump());
  place.ok("train --resume --out " + quoted(out));
  CHECK(nlohmann::json::parse(text_of(out / "summary.json")).at("seconds").is_number());
}

TEST_CASE("run folder: a run killed before its last report gets it, and nothing else changes") {
  const Place place;
  const fs::path out = place.dir / "run", report = out / "report.html";
  place.ok(place.train(out, "--epochs 1 --limit-batches 1"));
  const std::string whole = text_of(report), summary = text_of(out / "summary.json");
  put(report, "a report of the last epoch");
  fs::last_write_time(report, fs::last_write_time(out / "summary.json"));
  put(out / "report.html.4711-0.tmp", "the begin");
  place.ok("train --resume --out " + quoted(out));
  CHECK((text_of(report) == whole));
  CHECK_FALSE(fs::exists(out / "report.html.4711-0.tmp"));
  CHECK(text_of(out / "summary.json") == summary);
}

TEST_CASE("run folder: other images under the same name are refused") {
  const Place place;
  const fs::path out = place.dir / "run";
  place.ok(place.train(out, "--epochs 2 --max-steps 3"));
  std::string file = svhn_file(kSmallTestCount + 1);
  const TempDir other;
  fs::copy(place.data.path() / "train_32x32.mat", other / "train_32x32.mat");
  other.put("test_32x32.mat", file);
  const auto before = contents_of(out);
  const ProgramResult r =
      run_program("train --resume --data-dir " + quoted(other.path()) + " --out " + quoted(out));
  CHECK(r.status == 3);
  CHECK_THAT(r.err, ContainsSubstring("other images") && ContainsSubstring("checksums"));
  CHECK((contents_of(out) == before));
  // The same files elsewhere are the same images.
  fs::copy(place.data.path() / "test_32x32.mat", other / "test_32x32.mat",
           fs::copy_options::overwrite_existing);
  place.ok("train --resume --data-dir " + quoted(other.path()) + " --out " + quoted(out));
}

TEST_CASE("run folder: logs end with the step that a run goes on from") {
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

TEST_CASE("run folder: gaps and torn lines in the logs are told") {
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

TEST_CASE("run folder: a resumed run says what its logs lack") {
  const Place place;
  const fs::path out = place.dir / "run";
  place.ok(place.train(out, "--epochs 3 --max-steps 9"));
  std::string metrics = text_of(out / "metrics.jsonl");
  metrics.erase(metrics.find("{\"step\":3"),
                metrics.find("{\"step\":6") - metrics.find("{\"step\":3"));
  put(out / "metrics.jsonl", metrics);
  const ProgramResult r = place.ok("train --resume --out " + quoted(out));
  CHECK_THAT(r.err, ContainsSubstring("metrics.jsonl: steps 3 to 5 are missing"));
  CHECK_THAT(text_of(out / "log.txt"), ContainsSubstring("steps 3 to 5 are missing"));
}

TEST_CASE("run folder: TensorBoard's files have no step twice after a crash") {
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
