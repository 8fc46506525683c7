#include "apps/ssgan/run/run_folder.h"

#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "apps/ssgan/errors.h"
#include "apps/ssgan/run/run_files.h"
#include "apps/ssgan/run/test_record.h"
#include "tests/small_runs.h"

// Who may write a run's folder, and what stays there.

using namespace gradus;
using namespace gradus::ssgan;
namespace fs = std::filesystem;

namespace {

void put(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  write_file(path, std::string_view(text));
}

}  // namespace

TEST_CASE("run folder: what is a stranger's stays") {
  const SmallRuns runs;
  const std::string none = "choose another folder";
  // Each looks like a run, but no run wrote it.
  for (const auto& [name, config] : std::map<std::string, std::string>{
           {"json", "{\"name\": \"my project\"}"}, {"text", "not JSON"}, {"none", ""}}) {
    const fs::path out = runs.dir / name;
    if (!config.empty()) put(out / "config.json", config);
    put(out / "samples" / "epoch_000.png", "a picture of mine");
    put(out / "checkpoints" / "model.pt", "mine");
    put(out / "log.txt", "mine");
    const auto before = contents_of(out);
    for (const char* more : {"--epochs 1", "--epochs 1 --overwrite"}) {
      const ProgramResult r = run_program(runs.train(out, more));
      INFO(name << " " << more << "\n" << r.err);
      CHECK(r.status == 1);
      CHECK_THAT(r.err, ContainsSubstring(out.string()) && ContainsSubstring(none));
      CHECK((contents_of(out) == before));
    }
  }
}

TEST_CASE("run folder: a folder whose checkpoints/ is not empty is no place to start") {
  const SmallRuns runs;
  put(runs.dir / "run" / "checkpoints" / "model.pt", "mine");
  const ProgramResult r = run_program(runs.train(runs.dir / "run"));
  CHECK(r.status == 1);
  CHECK_THAT(r.err, ContainsSubstring("checkpoints/ is not empty"));
  CHECK(contents_of(runs.dir / "run").size() == 1);
}

TEST_CASE("run folder: --overwrite takes a run's files alone") {
  const SmallRuns runs;
  const fs::path out = runs.dir / "run";
  runs.ok(runs.train(out));
  for (const char* name : {"notes.txt", "samples/notes.txt", "samples/best.png", "tb/notes.txt",
                           "checkpoints/model.pt", "baseline/notes.txt", "epoch_000.png"})
    put(out / name, "mine");
  runs.ok(runs.train(out, "--epochs 2 --seed 2 --overwrite"));
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
  const SmallRuns runs;
  const fs::path out = runs.dir / "run";
  runs.ok(runs.train(out));
  fs::remove(out / "config.json");
  const auto before = contents_of(out);
  CHECK(run_program(runs.train(out)).status == 1);
  CHECK(run_program("train --resume --out " + quoted(out)).status == 3);
  CHECK((contents_of(out) == before));
}

TEST_CASE("run folder: a second run in it is refused while the first is on") {
  const SmallRuns runs;
  const fs::path out = runs.dir / "run";
  int refused = 0;
  const ProgramResult first = run_program(
      runs.train(out, "--epochs 400000 --log-every 1"),
      {.meanwhile = [&](pid_t pid, const ProgramResult& so_far) {
        if (refused > 0 || so_far.err.find("step 3/") == so_far.err.npos) return;
        for (const std::string& line :
             {runs.train(out), runs.train(out, "--epochs 1 --overwrite"),
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
  runs.ok("train --resume --max-steps 1 --out " + quoted(out));
}

TEST_CASE("run folder: two new folders of one name are two") {
  const TempDir dir;
  CHECK(RunFolder::make_new(dir / "runs" / "a") == dir / "runs" / "a");
  CHECK(RunFolder::make_new(dir / "runs" / "a") == dir / "runs" / "a-2");
  CHECK(RunFolder::make_new(dir / "runs" / "a") == dir / "runs" / "a-3");
}

TEST_CASE("run folder: runs without --out that start together have folders of their own") {
  const SmallRuns runs;
  const std::string line = "train" + runs.data.flags() + "--epochs 1";
  const auto in_place = [&] {
    if (::chdir(runs.dir.path().c_str()) != 0) ::_exit(126);
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
  CHECK(std::distance(fs::directory_iterator(runs.dir / "runs"), {}) == 3);
  for (const auto& run : fs::directory_iterator(runs.dir / "runs"))
    CHECK(contents_of(run.path()).contains("checkpoints/step_00000005.safetensors"));
}

TEST_CASE("run folder: a stranger's baseline shows before the first step") {
  const SmallRuns runs;
  const fs::path out = runs.dir / "run";
  put(out / "baseline" / "config.json", "{\"of\":\"somebody else\"}");
  put(out / "baseline" / "metrics.jsonl", "");
  const ProgramResult r = run_program(runs.train(out, "--epochs 1 --baseline"));
  CHECK(r.status == 1);
  CHECK_THAT(r.err, ContainsSubstring((out / "baseline").string()));
  CHECK(!fs::exists(out / "config.json"));
}

TEST_CASE("run folder: a run stopped by --max-steps says that its baseline is still to come") {
  const SmallRuns runs;
  const ProgramResult r =
      runs.ok(runs.train(runs.dir / "run", "--epochs 2 --baseline --max-steps 3"));
  CHECK_THAT(r.err, ContainsSubstring("no baseline yet"));
}

TEST_CASE("run folder: a test without mistakes leaves no picture of some") {
  const TempDir dir;
  ImageSet test;
  test.images = Tensor::zeros({2, 32, 32, 3}, DType::u8);
  test.labels = Tensor::from<int32_t>({0, 1}, {2});
  Predictions p{2, 0, {}, {0.9, 0.1, 0.8, 0.2}, {0.5, 0.5}};
  write_test_record(dir.path(), 0, p, test, {"cat", "dog"});
  CHECK(fs::exists(dir / "mistakes.png"));
  p.probabilities = {0.9, 0.1, 0.2, 0.8};
  write_test_record(dir.path(), 1, p, test, {"cat", "dog"});
  CHECK(!fs::exists(dir / "mistakes.png"));
}
