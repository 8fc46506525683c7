#include <signal.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/ssgan/report/run_comparison.h"
#include "tests/catch.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

// Several runs: one for each of some seeds, and runs beside each other.

using namespace gradus;
using namespace gradus::ssgan;
namespace fs = std::filesystem;

namespace {

struct Place {
  SmallSvhn data;
  TempDir dir;

  std::string train(const fs::path& out, const std::string& more) const {
    return "train" + data.flags() + more + " --out " + quoted(out);
  }
};

ProgramResult ok(const std::string& line, const ProgramSetting& setting = {}) {
  ProgramResult r = run_program(line, setting);
  INFO(line << "\n" << r.err);
  REQUIRE(r.status == 0);
  return r;
}

void put_run(const TempDir& dir, const std::string& name, int seed, double lr, double accuracy) {
  fs::create_directory(dir / name);
  dir.put(name + "/config.json",
          fmt::format(R"({{"data":"svhn","seed":{},"lr":{},"first_step":{}}})", seed, lr, seed));
  dir.put(name + "/epochs.csv",
          fmt::format("epoch,step,lr,d_real,d_fake,d_class,d,g,train_accuracy,test_accuracy,"
                      "seconds\n0,5,{0},1,1,1,3,1,0.5,0.1,1\n1,10,{0},1,1,1,3,1,0.5,{1},1\n",
                      lr, accuracy));
  dir.put(name + "/summary.json",
          fmt::format(R"({{"steps":10,"complete":true,"test_accuracy":{}}})", accuracy));
}

}  // namespace

TEST_CASE("runs: mean and spread") {
  const Spread s = spread_of({1, NAN, 2, 6});
  CHECK(s.count == 3);
  CHECK(s.mean == 3);
  CHECK(std::abs(s.deviation - std::sqrt(7.0)) < 1e-12);
  CHECK(s.lowest == 1);
  CHECK(s.highest == 6);
  CHECK(std::isnan(spread_of({4}).deviation));
  CHECK(spread_of({4}).mean == 4);
  CHECK(std::isnan(spread_of({NAN}).mean));
}

TEST_CASE("runs: groups are named by as few settings as tell them apart") {
  const TempDir dir;
  std::vector<fs::path> runs;
  for (const auto& [name, config] :
       {std::pair{"a", R"({"preset": "best", "lr": 1, "ema": 0, "seed": 1})"},
        {"b", R"({"preset": "default", "lr": 2, "ema": 0, "seed": 1})"},
        {"c", R"({"preset": "default", "lr": 2, "ema": 0.5, "seed": 1})"},
        {"d", R"({"preset": "default", "lr": 2, "ema": 0.5, "seed": 2})"}}) {
    fs::create_directory(dir / name);
    runs.push_back(dir.put(std::string(name) + "/config.json", config).parent_path());
  }
  const RunComparison c = compare_runs(runs);
  REQUIRE(c.groups.size() == 3);
  CHECK(c.groups[0].name == "preset best, ema 0");
  CHECK(c.groups[1].name == "preset default, ema 0");
  CHECK(c.groups[2].name == "preset default, ema 0.5");
  CHECK(c.groups[2].runs == std::vector<size_t>{2, 3});
}

TEST_CASE("runs: settings that differ, groups that the seed alone makes differ") {
  const TempDir dir;
  put_run(dir, "a1", 1, 0.1, 0.5);
  put_run(dir, "a2", 2, 0.1, 0.7);
  put_run(dir, "b1", 1, 0.2, 0.4);
  const std::string runs =
      (dir / "a1").string() + " " + (dir / "a2").string() + " " + (dir / "b1").string();
  const auto json = nlohmann::json::parse(ok("compare-runs --json " + runs).out);
  CHECK(json.at("differing") == nlohmann::json({"seed", "lr"}));
  REQUIRE(json.at("runs").size() == 3);
  CHECK(json["runs"][1]["settings"] == nlohmann::json({{"seed", 2}, {"lr", 0.1}}));
  CHECK(json["runs"][2]["test_accuracy"] == 0.4);
  CHECK(json["runs"][2]["baseline_accuracy"].is_null());
  REQUIRE(json.at("groups").size() == 2);
  const auto& group = json["groups"][0];
  CHECK(group["settings"] == "lr 0.1");
  CHECK(group["runs"].size() == 2);
  CHECK(std::abs(group["test_accuracy"]["mean"].get<double>() - 0.6) < 1e-12);
  CHECK(std::abs(group["test_accuracy"]["deviation"].get<double>() - std::sqrt(0.02)) < 1e-12);
  CHECK(json["groups"][1]["test_accuracy"]["deviation"].is_null());

  const fs::path page_file = dir / "runs.html";
  const ProgramResult r = ok("compare-runs " + runs + " --html " + page_file.string());
  CHECK_THAT(r.out, ContainsSubstring("lr 0.1: 2 runs; test 0.6000 +- 0.1414 (0.5000 to 0.7000)") &&
                        ContainsSubstring("lr 0.2: 1 run; test 0.4000; baseline -"));
  const std::string page = text_of(page_file);
  for (const char* part : {"3 runs beside each other", "60.0\u00A0% ± 14.1", "lr 0.1: from 10.0",
                           "60.0\u00A0% at 1", "class=\"pale c0\""})
    CHECK_THAT(page, ContainsSubstring(part));
  CHECK_THAT(ok("compare-runs " + (dir / "a1").string()).out,
             ContainsSubstring("all runs: 1 run; test 0.5000"));
}

TEST_CASE("runs: what a run was computed on, by and with is no setting") {
  const TempDir dir;
  const auto put = [&](const std::string& name, int seed, int threads, int steps) {
    put_run(dir, name, seed, 0.1, 0.5);
    dir.put(name + "/config.json",
            fmt::format(R"({{"seed":{},"lr":0.1,"data_dir":"/{}","threads":{},"device":"d{}",)"
                        R"("program":"p{}","libraries":"l{}","save_every":{},"keep":{}}})",
                        seed, seed, threads, threads, threads, threads, threads, threads));
    std::string lines;
    for (int s = 1; s <= steps; ++s) lines += fmt::format("{{\"step\":{},\"d\":{}}}\n", s, seed);
    dir.put(name + "/metrics.jsonl", lines);
  };
  put("a", 1, 1, 700);
  put("b", 3, 2, 1000);
  const RunComparison c = compare_runs({dir / "a", dir / "b"});
  CHECK(c.keys == std::vector<std::string>{"seed"});
  REQUIRE(c.groups.size() == 1);
  CHECK(c.groups[0].runs.size() == 2);
  // Where both have steps, each point of the mean is of both: 2, and not 1 and 3 in turn.
  CHECK_THAT(comparison_page(c), ContainsSubstring("all runs: from 2 at step"));
}

TEST_CASE("runs: a key of a configuration is shown, not obeyed") {
  const TempDir dir;
  put_run(dir, "a", 1, 0.1, 0.5);
  put_run(dir, "b", 1, 0.1, 0.5);
  dir.put("b/config.json", R"({"data":"svhn","seed":1,"lr":0.1,"\u001b[2Jodd":1})");
  const ProgramResult r = ok("compare-runs " + (dir / "a").string() + " " + (dir / "b").string());
  CHECK(r.out.find('\033') == r.out.npos);
  CHECK_THAT(r.out, ContainsSubstring("\\x1b[2Jodd"));
}

TEST_CASE("runs: what is no run, and a page that cannot be written") {
  const TempDir dir;
  put_run(dir, "a", 1, 0.1, 0.5);
  fs::create_directories(dir / "empty");
  for (const char* name : {"none", "empty"}) {
    const ProgramResult r =
        run_program("compare-runs " + (dir / "a").string() + " " + (dir / name).string());
    CHECK(r.status == 3);
    CHECK_THAT(r.err, ContainsSubstring((dir / name).string()));
  }
  dir.put("file", "");
  CHECK(run_program("compare-runs " + (dir / "a").string() + " --html " +
                    (dir / "file" / "x.html").string())
            .status == 1);
}

TEST_CASE("runs: a run for each seed, as if it were started alone") {
  const Place place;
  const fs::path all = place.dir / "all", alone = place.dir / "alone";
  const ProgramResult r = ok(place.train(all, "--epochs 1 --seeds 3..4"));
  CHECK_THAT(r.out, ContainsSubstring(" compare-runs " + (all / "seed-3").string() + " " +
                                      (all / "seed-4").string()));
  ok(place.train(alone, "--epochs 1 --seed 4"));
  for (const char* name : {"metrics.jsonl", "config.json", "checkpoints/step_00000005.safetensors"})
    CHECK((text_of(all / "seed-4" / name) == text_of(alone / name)));
  CHECK(run_program(place.train(all, "--epochs 1 --seeds 3..4")).status == 1);
  const auto json = nlohmann::json::parse(
      ok("compare-runs --json " + quoted(all / "seed-3") + " " + quoted(all / "seed-4")).out);
  CHECK(json.at("differing") == nlohmann::json({"seed"}));
  CHECK(json["groups"].size() == 1);
}

TEST_CASE("runs: seeds that were stopped go on") {
  const Place place;
  const fs::path all = place.dir / "all", whole = place.dir / "whole";
  bool sent = false;
  const ProgramResult r =
      run_program(place.train(all, "--epochs 400 --log-every 1 --seeds 1..2"),
                  {.meanwhile = [&](pid_t pid, const ProgramResult& so_far) {
                    if (!sent && so_far.err.find("step 3/2000") != so_far.err.npos)
                      sent = ::kill(pid, SIGTERM) == 0;
                  }});
  INFO(r.err);
  REQUIRE(r.status == 143);
  CHECK_THAT(r.err, ContainsSubstring("--resume --seeds 1..2 --out " + all.string()));
  CHECK(!fs::exists(all / "seed-2"));
  // The first goes on, the second starts; another time nothing is left to do.
  const std::string metrics = text_of(all / "seed-1" / "metrics.jsonl");
  const auto steps = std::count(metrics.begin(), metrics.end(), '\n') + 3;
  const std::string more = fmt::format("--epochs 400 --seeds 1..2 --max-steps {}", steps);
  ok(place.train(all, "--resume " + more));
  ok(place.train(whole, more));
  for (const std::string& name :
       {std::string("seed-1/metrics.jsonl"), std::string("seed-2/metrics.jsonl"),
        fmt::format("seed-2/checkpoints/step_{:08}.safetensors", steps)})
    CHECK((text_of(all / name) == text_of(whole / name)));
}

TEST_CASE("runs: seeds that cannot be") {
  const Place place;
  for (const char* words : {"--seeds 5", "--seeds 5..", "--seeds 5..1", "--seeds 1..x",
                            "--seeds -1..2", "--seeds 1..5000", "--seeds 1..2 --seed 3"}) {
    const ProgramResult r = run_program(place.train(place.dir / "run", words));
    INFO(words);
    CHECK(r.status == 2);
    CHECK_THAT(r.err, ContainsSubstring("--seed"));
  }
  CHECK(run_program("train --seeds 1..2").status == 2);
  CHECK(!fs::exists(place.dir / "run"));
}
