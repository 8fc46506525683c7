#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "nn/data/png.h"
#include "tests/catch.h"
#include "tests/program.h"
#include "tests/small_folder.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

using namespace gradus;
using Json = nlohmann::json;

namespace {

/// Runs of one epoch.
class Runs {
 public:
  std::string train(const std::string& name, const std::string& flags) const {
    const std::string run = (dir / name).string();
    const ProgramResult r = run_program("train" + flags + " --epochs 1 --out " + run);
    INFO(r.err);
    REQUIRE(r.status == 0);
    return run;
  }
  TempDir dir;
  SmallSvhn svhn;
};

ProgramResult good(const std::string& line) {
  ProgramResult r = run_program(line);
  INFO(line << "\n" << r.err);
  REQUIRE(r.status == 0);
  return r;
}

Json evaluated(const std::string& flags) { return Json::parse(good("eval --json" + flags).out); }

}  // namespace

TEST_CASE("eval: accuracy, classes, confusion and calibration agree") {
  const Runs runs;
  const std::string flags = " --checkpoint " + runs.train("run", runs.svhn.flags());
  const Json json = evaluated(flags);
  CHECK(json.at("images") == kSmallTestCount);
  const double accuracy = json.at("accuracy");
  CHECK(json.at("accuracy_by_statistics").at("running") == accuracy);
  CHECK(json.at("accuracy_by_statistics").at("batch").is_number());
  REQUIRE(json.at("confusion").size() == 10);
  int right = 0, all = 0, binned = 0;
  for (size_t c = 0; c < 10; ++c) {
    const auto row = json["confusion"][c].get<std::vector<int>>();
    const int images = std::accumulate(row.begin(), row.end(), 0);
    CHECK(json["classes"][c].at("name") == std::to_string(c));
    CHECK(json["classes"][c].at("images") == images);
    CHECK(json["classes"][c].at("accuracy") == double(row[c]) / images);
    right += row[c];
    all += images;
  }
  CHECK(all == kSmallTestCount);
  CHECK(accuracy == double(right) / all);
  CHECK(json.at("mistakes").size() == size_t(all - right));
  double error = 0;
  for (const Json& bin : json.at("calibration")) {
    const int images = bin.at("images");
    binned += images;
    error +=
        images * std::abs(bin.at("confidence").get<double>() - bin.at("accuracy").get<double>());
  }
  CHECK(binned == all);
  CHECK(std::abs(json.at("calibration_error").get<double>() - error / all) < 1e-12);

  const std::string text = good("eval" + flags).out;
  CHECK(text.starts_with(fmt::format("accuracy {:.4f} on 20 images", accuracy)));
  CHECK_THAT(text, ContainsSubstring(" by batch statistics") &&
                       ContainsSubstring("most often taken for") &&
                       ContainsSubstring("calibration error"));
  const std::string batch = good("eval --eval-stats batch" + flags).out;
  CHECK(batch.starts_with(
      fmt::format("accuracy {:.4f}", json["accuracy_by_statistics"]["batch"].get<double>())));
}

TEST_CASE("eval: statistics that were never updated are no second kind") {
  const Runs runs;
  const std::string run = runs.train("run", runs.svhn.flags() + " --preset tutorial");
  const Json json = evaluated(" --checkpoint " + run);
  CHECK(json.at("accuracy_by_statistics").size() == 1);
  CHECK(json.at("confusion").size() == 11);  // a row of its own for zeros that are labelled 10
  CHECK(json.at("classes")[10].at("name") == "10");
  CHECK(json.at("classes")[10].at("images") == 2);
}

TEST_CASE("eval: pictures are written as PNG") {
  const Runs runs;
  const std::string flags = " --checkpoint " + runs.train("run", runs.svhn.flags());
  const auto file = [&](const char* name) { return (runs.dir / name).string(); };
  const ProgramResult r =
      good("eval --confusion " + file("c.png") + " --mistakes " + file("m.png") + flags);
  CHECK_THAT(r.out, ContainsSubstring(file("c.png")) && ContainsSubstring(file("m.png")));
  CHECK(read_picture(file("c.png")).width > 400);
  CHECK(read_picture(file("m.png")).width > 128);
  for (const std::string& line :
       {"eval --confusion c.jpg" + flags, "eval --mistakes m.JPEG" + flags,
        "sample --out s.jpg" + flags, "data --out d.gif" + std::string()}) {
    const ProgramResult refused = run_program(line);
    INFO(line << refused.err);
    CHECK(refused.status == 2);
    CHECK_THAT(refused.err, ContainsSubstring("expected a name .png"));
  }
}

TEST_CASE("eval: an ensemble") {
  const Runs runs;
  const std::string a = runs.train("a", runs.svhn.flags()),
                    b = runs.train("b", runs.svhn.flags() + " --seed 2");
  const Json alone = evaluated(" --checkpoint " + a), other = evaluated(" --checkpoint " + b);
  const Json both = evaluated(" --checkpoint " + a + " --ensemble " + b);
  REQUIRE(both.at("ensemble").size() == 2);
  CHECK(both["ensemble"][0].at("accuracy") == alone.at("accuracy"));
  CHECK(both["ensemble"][1].at("accuracy") == other.at("accuracy"));
  const Json twice = evaluated(" --checkpoint " + a + " --ensemble " + a);
  CHECK(twice.at("confusion") == alone.at("confusion"));
  CHECK_THAT(good("eval --checkpoint " + a + " --ensemble " + b).out,
             ContainsSubstring("2 networks; running statistics"));

  const SmallFolder folder;
  const std::string pets = runs.train(
      "pets", " --data folder --data-dir " + folder.path().string() +
                  " --batch-size 8 --g-size-mult 2 --d-size-mult 4 --labels per-class:2");
  const ProgramResult refused = run_program("eval --checkpoint " + a + " --ensemble " + pets);
  CHECK(refused.status == 3);
  CHECK_THAT(refused.err, ContainsSubstring("pets") && ContainsSubstring("of other classes than"));
}

TEST_CASE("eval: the accuracy without the class of generated images") {
  const Runs runs;
  const std::string flags = " --extra-class 1 --class-loss ",
                    all = runs.train("all", runs.svhn.flags() + flags + "all"),
                    real = runs.train("real", runs.svhn.flags() + flags + "real");
  const Json json = evaluated(" --checkpoint " + all);
  // Of as many images as the network calls generated some are right without that answer.
  CHECK(json.at("accuracy_among_real") >= json.at("accuracy"));
  CHECK_THAT(good("eval --checkpoint " + all).out, ContainsSubstring("is no answer"));
  CHECK(!evaluated(" --checkpoint " + real).contains("accuracy_among_real"));
}

TEST_CASE("eval: generated images") {
  const Runs runs;
  const std::string a = runs.train("a", runs.svhn.flags()),
                    b = runs.train("b", runs.svhn.flags() + " --seed 2"),
                    baseline = runs.train("c", runs.svhn.flags() + " --no-unlabeled");
  const Json own = evaluated(" --generated --checkpoint " + a).at("generated");
  CHECK(own.at("frechet_distance").get<double>() >
        own.at("frechet_distance_of_halves").get<double>());
  CHECK(own.at("frechet_distance_of_halves").get<double>() > 0);
  CHECK(own.at("mean_features_distance") > own.at("mean_features_distance_of_halves"));
  CHECK(own.at("neighbours").at("images") == kSmallTestCount);
  CHECK(own["neighbours"].at("real_from_real") > 0);
  CHECK(own["neighbours"].at("generated_by_generated") <= 1);
  const Json other = evaluated(" --checkpoint " + a + " --generated " + b).at("generated");
  CHECK(other.at("frechet_distance") != own.at("frechet_distance"));
  CHECK(other.at("frechet_distance_of_halves") == own.at("frechet_distance_of_halves"));
  CHECK_THAT(good("eval --generated --checkpoint " + a).out,
             ContainsSubstring("distance of this D's 8 features") &&
                 ContainsSubstring("nearest image is of the same kind"));
  CHECK(!evaluated(" --checkpoint " + a).contains("generated"));
  const ProgramResult refused = run_program("eval --generated --checkpoint " + baseline);
  CHECK(refused.status == 2);
  CHECK_THAT(refused.err, ContainsSubstring("trains no generator"));
}
