#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/report/table.h"
#include "apps/ssgan/run/run_plan.h"
#include "tests/catch.h"
#include "tests/checkpoint_files.h"
#include "tests/message_of.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

// Images held out: which they are, the best checkpoint by them, and a run that they end.

using namespace gradus;
using namespace gradus::ssgan;
namespace fs = std::filesystem;

namespace {

fs::path best(const fs::path& run) { return run / "checkpoints" / "best.safetensors"; }

constexpr int kPerEpoch = 4;  // steps, of 36 images less 6 that are held out

struct Place {
  SmallSvhn data;
  TempDir dir;

  ProgramResult train(const fs::path& out, const std::string& more) const {
    return run_program("train" + data.flags() + more + " --out " + quoted(out));
  }
  static void ok(const ProgramResult& r) {
    INFO(r.err);
    REQUIRE(r.status == 0);
  }
};

nlohmann::json summary_of(const fs::path& run) {
  return nlohmann::json::parse(text_of(run / "summary.json"));
}

/// By epoch.
std::vector<double> scores_of(const fs::path& run) {
  std::vector<double> scores;
  for (const auto& row :
       read_csv(run / "epochs.csv", {"epoch", "validation_accuracy"}, "epoch").table.rows)
    scores.push_back(row[1]);
  return scores;
}

}  // namespace

TEST_CASE("validation: the images held out are visible ones, of each class, and in no batch") {
  const ImageSet set = drawn_digits(300, Split::train, ZeroAs::klass);
  Options o = preset("mended");
  o.batch_size = 16;
  o.labelled_batch = 4;
  o.labels = {LabelChoice::Kind::per_class, 9};
  o.validation = 25;
  RunPlan plan(o, set);
  const std::vector<int32_t>& out = plan.held_out();
  REQUIRE(out.size() == 25);
  CHECK(plan.labelled() == 90 - 25);
  const Tensor visible = choose_labelled(set, o.labels, o.seed);
  std::map<int32_t, int> of_class;
  for (const int32_t i : out) {
    CHECK(visible.span<int32_t>()[i] == 1);
    CHECK(plan.label_mask().span<int32_t>()[i] == 0);
    ++of_class[set.labels.span<int32_t>()[i]];
  }
  REQUIRE(of_class.size() == 10);
  for (const auto& [c, count] : of_class) CHECK((count == 2 || count == 3));
  std::vector<bool> seen(300);
  for (int64_t step = 0; step < plan.per_epoch(); ++step)
    for (const int32_t i : plan.images(step).all) seen[i] = true;
  CHECK(std::ranges::count(seen, true) > 200);
  for (const int32_t i : out) CHECK(!seen[i]);
  CHECK(RunPlan(o, set).held_out() == out);
  o.seed = 2;
  CHECK(RunPlan(o, set).held_out() != out);
  o.validation = 0;
  CHECK(RunPlan(o, set).held_out().empty());
  o.validation = 90;
  CHECK(message_of<DataError>([&] { RunPlan(o, set); }) ==
        "validation 90: only 90 labels are visible");
}

TEST_CASE("validation: best.safetensors is the checkpoint of the best epoch") {
  const Place place;
  const fs::path run = place.dir / "run";
  const ProgramResult r = place.train(run, "--epochs 5 --validation 6 --keep 1");
  Place::ok(r);
  const std::vector<double> scores = scores_of(run);
  REQUIRE(scores.size() == 5);
  const auto top = std::ranges::max_element(scores);
  const int step = kPerEpoch * static_cast<int>(top - scores.begin() + 1);
  const auto summary = summary_of(run);
  CHECK(summary.at("best_step") == step);
  CHECK(std::abs(summary.at("best_accuracy").get<double>() - *top) < 1e-5);
  CHECK_THAT(r.out, ContainsSubstring(fmt::format("after step {}: ", step)) &&
                        ContainsSubstring("of which 6 are held out for validation"));
  // The first, the newest and the best one remain; the best is what a run has there that is stopped
  // at that step.
  CHECK(fs::exists(checkpoint(run, 5 * kPerEpoch)));
  CHECK(std::distance(fs::directory_iterator(run / "checkpoints"), {}) == 3);
  Place::ok(place.train(place.dir / "cut",
                        fmt::format("--epochs 5 --validation 6 --max-steps {}", step)));
  CHECK((text_of(best(run)) == text_of(checkpoint(place.dir / "cut", step))));
  Place::ok(run_program("eval --checkpoint " + quoted(best(run))));
}

TEST_CASE("validation: a run cut anywhere ends with the same best checkpoint") {
  const Place place;
  const std::string words = "--epochs 4 --validation 6 --save-every 100";
  const fs::path whole = place.dir / "whole";
  Place::ok(place.train(whole, words));
  const int best_step = summary_of(whole).at("best_step").get<int>();
  for (const int cut : {3, best_step, 11}) {
    INFO(cut);
    const fs::path parts = place.dir / fmt::format("parts{}", cut);
    Place::ok(place.train(parts, words + fmt::format(" --max-steps {}", cut)));
    // As if it were killed between a checkpoint and its copy.
    if (cut == best_step) fs::remove(best(parts));
    Place::ok(run_program("train --resume --save-every 100 --out " + quoted(parts)));
    for (const char* name : {"metrics.jsonl", "config.json", "checkpoints/best.safetensors",
                             "checkpoints/step_00000016.safetensors"})
      CHECK((text_of(parts / name) == text_of(whole / name)));
    CHECK(scores_of(parts) == scores_of(whole));
  }
}

TEST_CASE("validation: patience ends a run, which can go on") {
  const Place place;
  const fs::path run = place.dir / "run", longer = place.dir / "longer";
  const std::string words = "--epochs 12 --validation 6 --patience ";
  Place::ok(place.train(run, words + "2 --baseline"));
  const std::vector<double> scores = scores_of(run);
  const auto top = std::ranges::max_element(scores) - scores.begin();
  REQUIRE(scores.size() < 12);
  CHECK(static_cast<size_t>(top) + 3 == scores.size());
  CHECK(summary_of(run).at("complete") == true);
  CHECK(summary_of(run).at("steps") == kPerEpoch * scores.size());
  CHECK(summary_of(run / "baseline").at("steps") > kPerEpoch * scores.size());
  CHECK_THAT(text_of(run / "log.txt"), ContainsSubstring("stopped early"));
  const std::string before = text_of(run / "log.txt");
  const ProgramResult again = run_program("train --resume --out " + quoted(run));
  Place::ok(again);
  CHECK_THAT(again.err, ContainsSubstring("complete: 2 epochs without a better score"));
  CHECK(text_of(run / "log.txt") == before);

  Place::ok(run_program("train --resume --patience 12 --out " + quoted(run)));
  Place::ok(place.train(longer, words + "12"));
  CHECK(scores_of(run).size() == 12);
  CHECK((text_of(checkpoint(run, 12 * kPerEpoch)) == text_of(checkpoint(longer, 12 * kPerEpoch))));
}

TEST_CASE("validation: what cannot be held out") {
  const Place place;
  const fs::path run = place.dir / "run";
  const ProgramResult alone = place.train(run, "--epochs 1 --patience 2");
  CHECK(alone.status == 2);
  CHECK_THAT(alone.err, ContainsSubstring("--patience: it needs"));
  const ProgramResult all = place.train(run, "--epochs 1 --validation 20");
  CHECK(all.status == 3);
  CHECK_THAT(all.err, ContainsSubstring("validation 20: only 20 labels are visible"));
  CHECK(!fs::exists(run));
  Place::ok(place.train(run, "--epochs 2 --max-steps 3 --validation 5"));
  const ProgramResult other = run_program("train --resume --validation 6 --out " + quoted(run));
  CHECK(other.status == 2);
  CHECK_THAT(other.err, ContainsSubstring("validation is 5 there, 6 here"));
}
