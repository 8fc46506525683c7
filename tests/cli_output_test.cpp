#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/catch.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

// What the program prints, and where.

using namespace gradus;
namespace fs = std::filesystem;

TEST_CASE("cli: help has an example, and version says what is in") {
  for (const char* command : {"train", "data", "data fetch", "eval", "predict", "export", "sample",
                              "step", "replay", "import", "compare", "bench", "summary", "explain",
                              "inspect", "graph", "gradcheck", "toy", "traps"}) {
    INFO(command);
    for (const char* flag : {" -h", " --help"}) {
      const ProgramResult r = run_program(command + std::string(flag));
      CHECK(r.status == 0);
      CHECK(r.err.empty());
      CHECK_THAT(r.out, ContainsSubstring("Example:\n  ssgan " + std::string(command)));
    }
    CHECK_THAT(run_program("-h").out,
               ContainsSubstring(std::string(command).substr(0, std::string(command).find(' '))));
  }
  const ProgramResult r = run_program("--version");
  CHECK(r.status == 0);
  CHECK(r.out.starts_with("ssgan "));
  CHECK_THAT(r.out, ContainsSubstring("cpu: ") && ContainsSubstring("cuda: "));
  CHECK_THAT(run_program("traps").out, ContainsSubstring("--zero-as"));
}

TEST_CASE("cli: results on stdout, the rest on stderr, no bar without a terminal") {
  const SmallSvhn data;
  const TempDir dir;
  const std::string run = (dir / "run").string();
  const ProgramResult r = run_program("train" + data.flags() + "--epochs 1 --log-every 2 --out " +
                                      run + " --color always");
  REQUIRE(r.status == 0);
  CHECK_THAT(r.out, ContainsSubstring("run        " + run) && ContainsSubstring("report     "));
  CHECK_THAT(r.out, !ContainsSubstring("step 2/5"));
  CHECK_THAT(r.err, ContainsSubstring("step 2/5") && ContainsSubstring("step 4/5") &&
                        ContainsSubstring("step 5/5") && !ContainsSubstring("step 3/5"));
  CHECK_THAT(r.err, ContainsSubstring("--g-size-mult 2"));
  CHECK(r.err.find_first_of("\r\33") == std::string::npos);
  const ProgramResult bench = run_program("bench --json --steps 3 --batch-size 4 --g-size-mult 2");
  CHECK(bench.status == 0);
  for (const char* key :
       {"step_ms_median", "step_ms_p25", "step_ms_p75", "images_per_second", "peak_memory_mb"})
    CHECK(nlohmann::json::parse(bench.out).contains(key));
  const ProgramResult profile = run_program(
      "bench --profile --preset mended --device cpu --steps 3 --batch-size 4 --g-size-mult 2");
  CHECK(profile.status == 0);
  CHECK_THAT(profile.out,
             ContainsSubstring("2  conv [4, 32, 32, 3] [64, 3, 3, 3] [4, 16, 16, 64]\n") &&
                 ContainsSubstring("all kernels\n"));
}

TEST_CASE("cli: on a terminal a bar, in colour where that is wanted") {
  if (!has_pseudo_terminals()) {
    std::cout << "skipped: no pseudo-terminal\n";
    return;
  }
  const SmallSvhn data;
  const auto stderr_of = [&](const std::string& more, const char* term, const char* no_color) {
    const TempDir dir;
    ProgramSetting setting;
    setting.terminal = true;
    setting.environment = {{"TERM", term}, {"NO_COLOR", no_color}};
    const ProgramResult r = run_program(
        "train" + data.flags() + "--epochs 1 --out " + (dir / "run").string() + more, setting);
    CHECK(r.status == 0);
    CHECK_THAT(r.err, ContainsSubstring("\r") && ContainsSubstring("5/5"));
    return r.err;
  };
  const std::string color = "\33[36m";
  CHECK_THAT(stderr_of("", "xterm", ""), ContainsSubstring(color));
  CHECK_THAT(stderr_of("", "xterm", "1"), !ContainsSubstring(color));
  CHECK_THAT(stderr_of("", "dumb", ""), !ContainsSubstring(color));
  CHECK_THAT(stderr_of(" --color always", "dumb", "1"), ContainsSubstring(color));
  CHECK_THAT(stderr_of(" --color never", "xterm", ""), !ContainsSubstring(color));
}

TEST_CASE("cli: a dry run shows the configuration and writes nothing") {
  const TempDir dir;
  const std::string out = (dir / "run").string();
  const auto config = [&](const std::string& flags) {
    const ProgramResult r = run_program("train --dry-run --out " + out + " " + flags);
    CHECK(r.status == 0);
    CHECK(!fs::exists(out));
    return nlohmann::json::parse(r.out);
  };
  const auto tutorial = config("--preset tutorial");
  CHECK(tutorial.at("zero_as") == "raw");
  CHECK(tutorial.at("dropout") == "off");
  CHECK(tutorial.at("relu2") == "conv2");
  CHECK(tutorial.at("dead_layers") == "keep");
  CHECK(tutorial.at("eval_stats") == "batch");
  CHECK(tutorial.at("labels") == "first:1000");
  CHECK(tutorial.at("test_images") == "notebook");
  CHECK(tutorial.at("extra_class") == 0);
  CHECK(tutorial.at("epochs") == 25);
  CHECK(tutorial.at("batch_size") == 128);
  CHECK(tutorial.at("beta1") == 0.5);
  const auto mended = config("--preset mended");
  CHECK(mended.at("zero_as") == "class");
  CHECK(mended.at("dropout") == "on");
  CHECK(mended.at("relu2") == "bn2");
  CHECK(mended.at("dead_layers") == "drop");
  CHECK(mended.at("eval_stats") == "running");
  CHECK(mended.at("labels") == "per-class:100");
  CHECK(mended.at("test_images") == "all");
  CHECK(config("--preset tutorial --zero-as class --labels first:7").at("zero_as") == "class");
  // Of the drawn digits the default preset sees fewer labels.
  CHECK(config("").at("labels") == "per-class:10");
  CHECK(config("--labels first:7").at("labels") == "first:7");
}
