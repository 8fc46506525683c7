#include <signal.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "nn/data/png.h"
#include "tensor/file.h"
#include "tensor/safetensors.h"
#include "tests/catch.h"
#include "tests/checkpoint_files.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> lines_of(const fs::path& path) {
  std::istringstream in(text_of(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

size_t entries(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

ProgramResult run_ok(const std::string& line) {
  ProgramResult r = run_program(line);
  INFO(line << "\n" << r.err);
  REQUIRE(r.status == 0);
  return r;
}

/// epochs.csv without its last column, the seconds.
std::vector<std::string> epochs_of(const fs::path& run) {
  std::vector<std::string> rows = lines_of(run / "epochs.csv");
  for (std::string& row : rows) row.resize(row.rfind(','));
  return rows;
}

/// Ten steps in one run and in two of `cut` and the rest must leave the same files.
void check_resumed(const SmallSvhn& data, const std::string& more, int cut) {
  INFO(more << ", cut at " << cut);
  const TempDir dir;
  const std::string train = "train" + data.flags() + "--epochs 2 " + more;
  const fs::path whole = dir / "whole", parts = dir / "parts";
  run_ok(train + " --out " + whole.string());
  run_ok(train + " --out " + parts.string() + fmt::format(" --max-steps {}", cut));
  CHECK(lines_of(parts / "metrics.jsonl").size() == static_cast<size_t>(cut));
  run_ok("train --resume --out " + parts.string());
  check_same_file(checkpoint(whole, 10), checkpoint(parts, 10));
  check_same_file(whole / "metrics.jsonl", parts / "metrics.jsonl");
  check_same_file(whole / "config.json", parts / "config.json");
  CHECK(epochs_of(whole) == epochs_of(parts));
  if (fs::exists(whole / "samples" / "epoch_001.png"))
    check_same_file(whole / "samples" / "epoch_001.png", parts / "samples" / "epoch_001.png");
}

}  // namespace

TEST_CASE("run: what a run on the drawn digits leaves in its folder") {
  const TempDir dir;
  const fs::path run = dir / "a" / "run";
  const ProgramResult r = run_ok(
      "train --preset mended --g-size-mult 2 --d-size-mult 4 --batch-size 16 --epochs 3 "
      "--limit-batches 4 --save-every 5 --out " +
      run.string());
  for (const char* name :
       {"config.json", "metrics.jsonl", "epochs.csv", "log.txt", "tb", "samples", "checkpoints",
        "report.html", "summary.json", "scores.json", "mistakes.png", "real.png"}) {
    INFO(name);
    CHECK(fs::exists(run / name));
  }
  CHECK(entries(run) == 12);
  CHECK(entries(run / "samples") == 3);
  CHECK(entries(run / "tb") == 1);
  CHECK(entries(run / "checkpoints") == 4);  // the first, steps 5, 10 and the last
  for (const int step : {0, 5, 10, 12}) CHECK(fs::exists(checkpoint(run, step)));
  for (const char* png : {"epoch_000.png", "epoch_001.png", "epoch_002.png"})
    CHECK(text_of(run / "samples" / png).starts_with("\x89PNG"));

  // Of all test images, those that are right on the diagonal.
  const auto scores = nlohmann::json::parse(text_of(run / "scores.json"));
  CHECK(scores.at("epoch") == 2);
  REQUIRE(scores.at("classes").size() == 10);
  CHECK(scores["classes"][7] == "7");
  int images = 0, right = 0;
  for (size_t i = 0; i < 10; ++i)
    for (size_t k = 0; k < 10; ++k) {
      const int n = scores.at("confusion")[i][k].get<int>();
      images += n;
      right += i == k ? n : 0;
    }
  CHECK(images == 4000);
  CHECK(nlohmann::json::parse(text_of(run / "summary.json")).at("test_accuracy") == right / 4000.0);
  CHECK(read_picture(run / "real.png").width == 8 * 34 + 2);
  CHECK_THAT(text_of(run / "report.html"),
             ContainsSubstring("class by class") && ContainsSubstring("real test images") &&
                 ContainsSubstring("The mistakes that it is surest of"));

  const auto config = nlohmann::json::parse(text_of(run / "config.json"));
  CHECK(config.at("g_size_mult") == 2);
  CHECK(config.at("data") == "digits");

  const auto metrics = lines_of(run / "metrics.jsonl");
  REQUIRE(metrics.size() == 12);
  for (size_t i = 0; i < metrics.size(); ++i) {
    const auto m = nlohmann::json::parse(metrics[i]);
    CHECK(m.at("step") == i + 1);
    CHECK(m.at("epoch") == i / 4);
    for (const char* key : {"lr", "d_real", "d_fake", "d_class", "d", "g"})
      CHECK(m.at(key).is_number());
    const double parts =
        m.at("d_real").get<double>() + m.at("d_fake").get<double>() + m.at("d_class").get<double>();
    CHECK(std::abs(m.at("d").get<double>() - parts) < 1e-5);
    CHECK(m.at("masked_correct").get<double>() <= m.at("correct").get<double>());
  }

  const auto epochs = lines_of(run / "epochs.csv");
  REQUIRE(epochs.size() == 4);
  CHECK(epochs[0] ==
        "epoch,step,lr,d_real,d_fake,d_class,d,g,train_accuracy,test_accuracy,seconds");
  for (int e = 0; e < 3; ++e) {
    CHECK(epochs[e + 1].starts_with(fmt::format("{},{},", e, 4 * (e + 1))));
    CHECK(std::count(epochs[e + 1].begin(), epochs[e + 1].end(), ',') == 10);
  }
  CHECK_THAT(text_of(run / "log.txt"),
             ContainsSubstring("digits, 20000 training images") && ContainsSubstring("epoch   2"));
  CHECK_THAT(r.out, ContainsSubstring("digits, 20000 training images; labels visible: 1000 "
                                      "(per-class:100); digits, 4000 test images"));
}

TEST_CASE("run: eval and sample of a checkpoint") {
  const SmallSvhn data;
  const TempDir dir;
  run_ok("train" + data.flags() + "--epochs 1 --out " + (dir / "run").string());
  const std::string from = " --checkpoint " + checkpoint(dir / "run", 5).string();
  const auto score = nlohmann::json::parse(run_ok("eval --json" + from).out);
  CHECK(score.at("images") == kSmallTestCount);
  CHECK(score.at("accuracy") ==
        nlohmann::json::parse(text_of(dir / "run" / "summary.json")).at("test_accuracy"));
  CHECK_THAT(run_ok("eval" + from).out, ContainsSubstring("on 20 images"));
  CHECK_THAT(run_ok("eval --eval-stats batch" + from).out, ContainsSubstring("batch statistics"));

  const auto sample = [&](const std::string& name, const std::string& more) {
    run_ok("sample" + from + " --out " + (dir / name).string() + more);
    return text_of(dir / name);
  };
  const std::string png = sample("a.png", "");
  CHECK(png.starts_with("\x89PNG"));
  CHECK((png == sample("b.png", "")));
  CHECK((png == text_of(dir / "run" / "samples" / "epoch_000.png")));
  CHECK((png != sample("c.png", " --seed 2")));
  CHECK((png != sample("d.png", " --count 4")));
  // Two ends alone are the noise vectors as they are.
  const std::string ends = sample("e.png", " --interpolate 3 --columns 2");
  CHECK((ends == sample("f.png", " --count 6 --columns 2")));
  const std::string stats = " --stats batch --interpolate 2 --columns ";
  CHECK((sample("g.png", stats + "5") == sample("h.png", stats + "5")));
  CHECK(read_picture(dir / "g.png").width == 5 * 34 + 2);
  CHECK(read_picture(dir / "g.png").height == 2 * 34 + 2);
}

TEST_CASE("run: ten steps are five, a resume, and five") {
  const SmallSvhn data;
  check_resumed(data, "", 5);
  check_resumed(data, "--preset tutorial", 3);
  check_resumed(data, "--no-unlabeled", 4);
  check_resumed(data, "--preset best --labelled-batch 3", 5);
  check_resumed(data, "--preset best --gan-weight .1 --labelled-batch 3", 4);
  check_resumed(data, "--preset augmented --labelled-batch 3 --no-unlabeled", 6);
}

TEST_CASE("run: a run with an average is evaluated by it, or by the last weights") {
  const SmallSvhn data;
  const TempDir dir;
  const fs::path run = dir / "run";
  run_ok("train" + data.flags() +
         "--preset best --labelled-batch 3 --noise-batch 5 --epochs 1 --out " + run.string());
  const auto metrics = nlohmann::json::parse(lines_of(run / "metrics.jsonl")[0]);
  CHECK(metrics.at("consistency") >= 0);
  CHECK(metrics.at("confident") >= 0);
  const auto accuracy = [&](const std::string& flags) {
    const auto json =
        nlohmann::json::parse(run_ok("eval --json --checkpoint " + run.string() + flags).out);
    return json.at("accuracy").get<double>();
  };
  const auto summary = nlohmann::json::parse(text_of(run / "summary.json"));
  CHECK(accuracy("") == summary.at("test_accuracy"));
  CHECK(accuracy("") == accuracy(" --eval-weights ema"));
  static_cast<void>(accuracy(" --eval-weights last"));

  // A run keeps its average, or keeps having none.
  const ProgramResult refused = run_program(
      "train --resume --epochs 2 --ema 0 --eval-weights last --pseudo-label 0 --gan-weight 1 "
      "--out " +
      run.string());
  CHECK(refused.status == 2);
  CHECK_THAT(refused.err, ContainsSubstring("ema is 0.999 there, 0.0 here"));
}

TEST_CASE("run: what a resume goes on from") {
  const SmallSvhn data;
  const TempDir dir;
  const std::string run = (dir / "run").string();
  const std::string train = "train" + data.flags();
  run_ok(train + "--epochs 2 --save-every 4 --out " + run);
  const auto last = read_file(checkpoint(run, 10));

  // What came later would be lost.
  const ProgramResult refused = run_program("train --resume " + checkpoint(run, 4).string());
  CHECK(refused.status == 2);
  CHECK_THAT(refused.err, ContainsSubstring("has gone on to step_00000010"));
  CHECK((read_file(checkpoint(run, 10)) == last));

  // After a crash behind step 4 the later lines are cut, and come again.
  fs::remove(checkpoint(run, 8));
  fs::remove(checkpoint(run, 10));
  run_ok("train --resume " + checkpoint(run, 4).string());
  CHECK(lines_of(dir / "run" / "metrics.jsonl").size() == 10);
  CHECK(lines_of(dir / "run" / "epochs.csv").size() == 3);
  CHECK((read_file(checkpoint(run, 10)) == last));

  // --epochs is the total.
  run_ok("train --resume auto --epochs 3 --out " + run);
  CHECK(lines_of(dir / "run" / "metrics.jsonl").size() == 15);
  CHECK(fs::exists(checkpoint(run, 15)));
}

TEST_CASE("run: a seed fixes the checkpoint, another changes it") {
  const SmallSvhn data;
  const TempDir dir;
  const auto train = [&](const char* name, int seed) {
    run_ok("train" + data.flags() + fmt::format("--epochs 1 --seed {} --out ", seed) +
           (dir / name).string());
    return load_safetensors(checkpoint(dir / name, 5)).tensors.at("generator.dense.weight");
  };
  const Tensor first = train("a", 1), other = train("c", 2);
  static_cast<void>(train("b", 1));
  check_same_file(checkpoint(dir / "a", 5), checkpoint(dir / "b", 5));
  CHECK((first.to_vector<float>() != other.to_vector<float>()));
}

TEST_CASE("run: a folder that holds a run is refused, replaced or gone on with") {
  const SmallSvhn data;
  const TempDir dir;
  const fs::path run = dir / "run";
  const std::string train = "train" + data.flags() + "--epochs 1 --out " + run.string();
  run_ok(train);
  dir.put("run/notes.txt", "mine");
  const std::string metrics = text_of(run / "metrics.jsonl"), log = text_of(run / "log.txt");

  const ProgramResult r = run_program(train + " --seed 2");
  CHECK(r.status == 1);
  CHECK_THAT(r.err, ContainsSubstring(run.string()) && ContainsSubstring("--resume") &&
                        ContainsSubstring("--overwrite"));
  CHECK(r.out.empty());
  CHECK(text_of(run / "metrics.jsonl") == metrics);
  CHECK(text_of(run / "log.txt") == log);

  run_ok(train + " --seed 2 --overwrite");
  CHECK(text_of(run / "metrics.jsonl") != metrics);
  CHECK(lines_of(run / "metrics.jsonl").size() == 5);
  CHECK(text_of(run / "notes.txt") == "mine");
}

TEST_CASE("run: Ctrl-C writes a checkpoint, and the run goes on") {
  const SmallSvhn data;
  const TempDir dir;
  const fs::path whole = dir / "whole", run = dir / "run";
  const std::string train = "train" + data.flags() + "--epochs 400 --log-every 1 ";
  bool sent = false;
  const ProgramResult r = run_program(
      train + "--out " + run.string(), {.meanwhile = [&](pid_t pid, const ProgramResult& so_far) {
        if (!sent && so_far.err.find("step 3/2000") != so_far.err.npos)
          sent = ::kill(pid, SIGINT) == 0;
      }});
  INFO(r.err);
  REQUIRE(r.status == 130);
  CHECK_THAT(r.err, ContainsSubstring("interrupted after step "));
  CHECK(r.out.empty());
  const size_t steps = lines_of(run / "metrics.jsonl").size();
  REQUIRE(steps >= 3);
  CHECK(fs::exists(checkpoint(run, static_cast<int>(steps))));
  CHECK(fs::exists(run / "report.html"));

  const std::string until = fmt::format(" --max-steps {}", steps + 3);
  run_ok("train --resume --out " + run.string() + until);
  run_ok(train + "--out " + whole.string() + until);
  check_same_file(whole / "metrics.jsonl", run / "metrics.jsonl");
  check_same_file(checkpoint(whole, static_cast<int>(steps) + 3),
                  checkpoint(run, static_cast<int>(steps) + 3));
}

TEST_CASE("run: the second Ctrl-C leaves at once") {
  const SmallSvhn data;
  const TempDir dir;
  const ProgramResult r = run_program(
      "train" + data.flags() + "--epochs 400000 --log-every 1 --out " + (dir / "run").string(),
      {.meanwhile = [](pid_t pid, const ProgramResult& so_far) {
        if (so_far.err.find("step 1/") != so_far.err.npos) ::kill(pid, SIGINT);
      }});
  CHECK(r.status == 130);
}

TEST_CASE("run: the baseline beside a run") {
  const SmallSvhn data;
  const TempDir dir;
  const fs::path run = dir / "run";
  const ProgramResult r =
      run_ok("train --baseline" + data.flags() + "--epochs 1 --out " + run.string());
  CHECK_THAT(r.out, ContainsSubstring("baseline   test "));
  const auto metrics = lines_of(run / "baseline" / "metrics.jsonl");
  REQUIRE(metrics.size() == 20);  // as much computation as 5 steps with a generator and a teacher
  const auto m = nlohmann::json::parse(metrics[0]);
  CHECK(m.contains("d_class"));
  CHECK(!m.contains("g"));
  CHECK(nlohmann::json::parse(text_of(run / "summary.json")).contains("baseline_accuracy"));
  // And the same run without its generator, since D learns from pseudo-labels, too.
  CHECK_THAT(r.out,
             ContainsSubstring("no GAN     test ") && ContainsSubstring("with it, this run is "));
  const auto without = nlohmann::json::parse(lines_of(run / "without-gan" / "metrics.jsonl").at(0));
  CHECK(without.contains("consistency"));
  CHECK(!without.contains("g"));
  CHECK(nlohmann::json::parse(text_of(run / "summary.json")).contains("without_gan_accuracy"));
  // Replacing the run leaves nothing of either.
  run_ok("train --preset mended --baseline --overwrite" + data.flags() + "--epochs 1 --out " +
         run.string());
  CHECK(fs::exists(run / "baseline"));
  CHECK(!fs::exists(run / "without-gan"));
}
