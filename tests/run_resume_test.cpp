#include <nlohmann/json.hpp>
#include <string>

#include "apps/ssgan/run/run_files.h"
#include "apps/ssgan/run/run_folder.h"
#include "tests/small_runs.h"

// What a run that goes on finds in its folder, and what it says of that.

using namespace gradus;
using namespace gradus::ssgan;
namespace fs = std::filesystem;

namespace {

void put(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  write_file(path, std::string_view(text));
}

}  // namespace

TEST_CASE("run resumed: a replacement cut short is not gone on with") {
  const SmallRuns runs;
  const fs::path out = runs.dir / "run";
  runs.ok(runs.train(out));
  remove_run(out);
  CHECK(what_holds(out) == Holds::replaced);
  // As if the program had been killed after its first removal.
  put(checkpoint(out, 5), "what is left");
  for (const std::string& line : {"train --resume --out " + quoted(out), runs.train(out)}) {
    const ProgramResult r = run_program(line);
    INFO(r.err);
    CHECK(r.status != 0);
    CHECK_THAT(r.err, ContainsSubstring("being replaced") && ContainsSubstring("--overwrite"));
  }
  runs.ok(runs.train(out, "--epochs 2 --seed 2 --overwrite"));
  CHECK(checkpoints(out) == std::vector{0, 10});
}

TEST_CASE("run resumed: a checkpoint of another run is not gone on with") {
  const SmallRuns runs;
  runs.ok(runs.train(runs.dir / "a"));
  runs.ok(runs.train(runs.dir / "b", "--epochs 1 --seed 2"));
  fs::copy_file(checkpoint(runs.dir / "a", 5), checkpoint(runs.dir / "b", 5),
                fs::copy_options::overwrite_existing);
  for (const std::string& line : {"train --resume --out " + quoted(runs.dir / "b"),
                                  "train --resume " + quoted(checkpoint(runs.dir / "b", 5))}) {
    const ProgramResult r = run_program(line);
    CHECK(r.status == 3);
    CHECK_THAT(r.err, ContainsSubstring("seed is 1 in the checkpoint, 2 in config.json"));
  }
}

TEST_CASE("run resumed: a damaged newest checkpoint gives way to the one before") {
  const SmallRuns runs;
  const fs::path out = runs.dir / "run", whole = runs.dir / "whole";
  runs.ok(runs.train(whole, "--epochs 3"));
  runs.ok(runs.train(out, "--epochs 3 --save-every 4 --max-steps 12"));
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
    const ProgramResult r = runs.ok("train --resume --out " + quoted(out));
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
    "run resumed: a run can be gone on with from its start, and one that cannot be saved ends") {
  const SmallRuns runs;
  const fs::path out = runs.dir / "run";
  runs.ok(runs.train(out, "--epochs 1 --max-steps 3"));
  CHECK(checkpoints(out) == std::vector{0, 3});
  fs::remove(checkpoint(out, 3));
  runs.ok("train --resume --out " + quoted(out));
  CHECK(checkpoints(out) == std::vector{0, 5});
  // A disk too small for a checkpoint shows before the first step.
  const ProgramResult r = run_program(runs.train(runs.dir / "small", "--epochs 4"),
                                      {.largest_file = fs::file_size(checkpoint(out, 0)) - 1});
  CHECK(r.status == 1);
  CHECK_THAT(r.err, ContainsSubstring("step_00000000.safetensors: cannot be written"));
  CHECK(text_of(runs.dir / "small" / "metrics.jsonl").empty());
}

TEST_CASE("run resumed: so many checkpoints are kept") {
  const SmallRuns runs;
  runs.ok(runs.train(runs.dir / "three", "--epochs 2 --save-every 2"));
  CHECK(checkpoints(runs.dir / "three") == std::vector{0, 6, 8, 10});
  runs.ok(runs.train(runs.dir / "all", "--epochs 2 --save-every 2 --keep 100"));
  CHECK(checkpoints(runs.dir / "all") == std::vector{0, 2, 4, 6, 8, 10});
  // A run that goes on keeps to what it was told, unless it is told anew.
  runs.ok(runs.train(runs.dir / "cut", "--epochs 2 --save-every 2 --keep 100 --max-steps 6"));
  runs.ok("train --resume --max-steps 8 --out " + quoted(runs.dir / "cut"));
  CHECK(checkpoints(runs.dir / "cut") == std::vector{0, 2, 4, 6, 8});
  runs.ok("train --resume --keep 2 --out " + quoted(runs.dir / "cut"));
  CHECK(checkpoints(runs.dir / "cut") == std::vector{0, 8, 10});
  // What replay needs to begin from is kept where a run goes on in a new folder.
  const std::string from = "train --resume " + quoted(checkpoint(runs.dir / "all", 4));
  runs.ok(from + " --save-every 2 --keep 1 --out " + quoted(runs.dir / "on"));
  CHECK(checkpoints(runs.dir / "on") == std::vector{4, 10});
}

TEST_CASE("run resumed: a finished run is complete, and nothing is touched") {
  const SmallRuns runs;
  const fs::path out = runs.dir / "run";
  runs.ok(runs.train(out, "--epochs 1 --baseline"));
  const auto before = contents_of(out);
  for (const char* more : {"", " --baseline"}) {
    const ProgramResult r = runs.ok("train --resume --out " + quoted(out) + more);
    CHECK_THAT(r.err, ContainsSubstring("complete"));
    CHECK_THAT(r.out,
               ContainsSubstring("baseline   test ") && ContainsSubstring("steps      5 in "));
    CHECK((contents_of(out) == before));
  }
}

TEST_CASE("run resumed: a baseline that was missing comes by resuming") {
  const SmallRuns runs;
  const fs::path out = runs.dir / "run";
  runs.ok(runs.train(out));
  const auto summary = nlohmann::json::parse(text_of(out / "summary.json"));
  runs.ok("train --resume --baseline --out " + quoted(out));
  auto later = nlohmann::json::parse(text_of(out / "summary.json"));
  CHECK(later.at("baseline_accuracy").is_number());
  CHECK(later.at("without_gan_accuracy").is_number());
  later.erase("baseline_accuracy");
  later.erase("without_gan_accuracy");
  CHECK(later == summary);
}

TEST_CASE("run resumed: times add up, and changed settings are told") {
  const SmallRuns runs;
  const fs::path out = runs.dir / "run";
  runs.ok(runs.train(out, "--epochs 2 --max-steps 3"));
  auto summary = nlohmann::json::parse(text_of(out / "summary.json"));
  CHECK(summary.at("complete") == false);
  summary["seconds"] = 5000;
  put(out / "summary.json", summary.dump());
  const ProgramResult r = runs.ok("train --resume --lr 0.5e-3 --threads 3 --out " + quoted(out));
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

TEST_CASE("run resumed: other images under the same name are refused") {
  const SmallRuns runs;
  const fs::path out = runs.dir / "run";
  runs.ok(runs.train(out, "--epochs 2 --max-steps 3"));
  std::string file = svhn_file(kSmallTestCount + 1);
  const TempDir other;
  fs::copy(runs.data.path() / "train_32x32.mat", other / "train_32x32.mat");
  other.put("test_32x32.mat", file);
  const auto before = contents_of(out);
  const ProgramResult r =
      run_program("train --resume --data-dir " + quoted(other.path()) + " --out " + quoted(out));
  CHECK(r.status == 3);
  CHECK_THAT(r.err, ContainsSubstring("other images") && ContainsSubstring("checksums"));
  CHECK((contents_of(out) == before));
  // The same files elsewhere are the same images.
  fs::copy(runs.data.path() / "test_32x32.mat", other / "test_32x32.mat",
           fs::copy_options::overwrite_existing);
  runs.ok("train --resume --data-dir " + quoted(other.path()) + " --out " + quoted(out));
}

TEST_CASE("run resumed: a resumed run says what its logs lack") {
  const SmallRuns runs;
  const fs::path out = runs.dir / "run";
  runs.ok(runs.train(out, "--epochs 3 --max-steps 9"));
  std::string metrics = text_of(out / "metrics.jsonl");
  metrics.erase(metrics.find("{\"step\":3"),
                metrics.find("{\"step\":6") - metrics.find("{\"step\":3"));
  put(out / "metrics.jsonl", metrics);
  const ProgramResult r = runs.ok("train --resume --out " + quoted(out));
  CHECK_THAT(r.err, ContainsSubstring("metrics.jsonl: steps 3 to 5 are missing"));
  CHECK_THAT(text_of(out / "log.txt"), ContainsSubstring("steps 3 to 5 are missing"));
}

TEST_CASE("run resumed: a run killed before its first step has times, too") {
  const SmallRuns runs;
  const fs::path out = runs.dir / "run";
  runs.ok(runs.train(out, "--epochs 1 --max-steps 1"));
  fs::remove(checkpoint(out, 1));
  auto summary = nlohmann::json::parse(text_of(out / "summary.json"));
  summary["steps"] = 0;
  put(out / "summary.json", summary.dump());
  runs.ok("train --resume --out " + quoted(out));
  CHECK(nlohmann::json::parse(text_of(out / "summary.json")).at("seconds").is_number());
}

TEST_CASE("run resumed: a run killed before its last report gets it, and nothing else changes") {
  const SmallRuns runs;
  const fs::path out = runs.dir / "run", report = out / "report.html";
  runs.ok(runs.train(out, "--epochs 1 --limit-batches 1"));
  const std::string whole = text_of(report), summary = text_of(out / "summary.json");
  put(report, "a report of the last epoch");
  fs::last_write_time(report, fs::last_write_time(out / "summary.json"));
  put(out / "report.html.4711-0.tmp", "the begin");
  runs.ok("train --resume --out " + quoted(out));
  CHECK((text_of(report) == whole));
  CHECK_FALSE(fs::exists(out / "report.html.4711-0.tmp"));
  CHECK(text_of(out / "summary.json") == summary);
}
