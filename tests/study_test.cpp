#include <sha2.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "apps/ssgan/report/text.h"
#include "apps/ssgan/study/toy_script.h"
#include "tensor/safetensors.h"
#include "tests/catch.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

// The commands that show what a step computes.

using namespace gradus;
using namespace gradus::ssgan;

namespace {

/// A run of two epochs of five steps; checkpoints after steps 0, 5 and 10.
class SmallRun {
 public:
  explicit SmallRun(const std::string& more = "--preset mended") {
    ok("train --threads 1 --epochs 2 --save-every 5 " + more + data_.flags() + "--out " +
       quoted(path()));
  }
  std::filesystem::path path() const { return dir_ / "run"; }
  std::filesystem::path file(const std::string& name) const { return dir_ / name; }
  const SmallSvhn& data() const { return data_; }
  ProgramResult ok(const std::string& line) const {
    ProgramResult r = run_program(line);
    INFO(line << "\n" << r.err);
    REQUIRE(r.status == 0);
    return r;
  }

 private:
  SmallSvhn data_;
  TempDir dir_;
};

std::vector<double> values(const TensorFile& file, const std::string& name) {
  INFO(name);
  const Tensor* const t = file.find(name);
  REQUIRE(t);
  return t->to(DType::f64).to_vector<double>();
}

}  // namespace

TEST_CASE("study: a replayed step has all that is needed to check it by hand") {
  const SmallRun run;
  const auto out = run.file("step.safetensors");
  run.ok("replay --threads 1 --run " + quoted(run.path()) + " --step 7 --out " + quoted(out));
  const TensorFile f = load_safetensors(out);
  CHECK(f.find("images")->shape() == Shape{8, 32, 32, 3});
  CHECK(f.find("z")->shape() == Shape{8, 100});
  CHECK(values(f, "labels").size() == 8);

  // The class loss, from the logits, the labels and the mask.
  const auto logits = values(f, "real.class_logits"), labels = values(f, "labels"),
             mask = values(f, "label_mask");
  double sum = 0, count = 0;
  for (size_t n = 0; n < labels.size(); ++n) {
    double z = 0;
    for (size_t k = 0; k < 10; ++k) z += std::exp(logits[10 * n + k]);
    sum += mask[n] * (std::log(z) - logits[10 * n + static_cast<size_t>(labels[n])]);
    count += mask[n];
  }
  CHECK(count >= 1);
  CHECK(std::abs(values(f, "loss.d_class").at(0) - sum / count) < 1e-5);

  // Dropout: 0, or divided by what it keeps.
  const auto relu1 = values(f, "real.relu1"), dropout1 = values(f, "real.dropout1");
  const auto dropped = static_cast<double>(std::ranges::count(dropout1, 0.0));
  CHECK(std::abs(dropped / double(dropout1.size()) - 0.2) < 0.05);
  for (size_t i = 0; i < relu1.size(); ++i)
    if (dropout1[i] != 0)
      REQUIRE(std::abs(dropout1[i] - relu1[i] / 0.8) <= 1e-5 * std::abs(relu1[i]));

  // Adam's step, from the state before it.
  const std::string name = "discriminator.dense.weight";
  const auto w = values(f, "before." + name), g = values(f, "grad." + name),
             m = values(f, "before.adam.discriminator.m.dense.weight"),
             v = values(f, "before.adam.discriminator.v.dense.weight"),
             after = values(f, "updated." + name);
  const double lr = values(f, "lr").at(0), t = values(f, "before.adam.discriminator.t").at(0) + 1;
  CHECK(t == 7);
  for (size_t i = 0; i < w.size(); ++i) {
    const double m1 = 0.5 * m[i] + 0.5 * g[i], v1 = 0.999 * v[i] + 0.001 * g[i] * g[i];
    const double rate = lr * std::sqrt(1 - std::pow(0.999, t)) / (1 - std::pow(0.5, t));
    REQUIRE(std::abs(after[i] - (w[i] - rate * m1 / (std::sqrt(v1) + 1e-8))) < 1e-6);
  }
}

TEST_CASE("study: a step explained, and its parts are the whole") {
  const SmallRun run("--preset tutorial --dropout on --drop-rate 0.2 --labelled-batch 6");
  const auto page = run.file("step.html");
  const std::string any_step = "explain --threads 1 --run " + quoted(run.path()) + " --step ";
  std::string line;
  nlohmann::json e;
  std::vector<std::string> kinds;
  int step = 0;
  while (kinds.size() < 4 && step < 10) {  // not every batch has all four
    line = any_step + std::to_string(++step) + " ";
    e = nlohmann::json::parse(run.ok(line + "--json --html " + quoted(page)).out);
    CHECK(e.at("step") == step);
    kinds.clear();
    for (const auto& x : e.at("examples")) kinds.push_back(x.at("kind"));
  }
  CHECK(
      (kinds == std::vector<std::string>{"unlabelled", "labelled", "labelled zero", "generated"}));
  CHECK(e.at("dense_bias").at("relative_difference") < 1e-5);
  CHECK(e.at("formula_difference") < 1e-4);
  // A zero's row of labels is empty here: its gradient is the softmax, which sums to 1 / labelled.
  const auto pull = e.at("examples").at(2).at("gradients").at(1);
  CHECK(pull.at("loss") == "d_class");
  double sum = 0;
  for (const double v : pull.at("by_tape")) sum += v;
  CHECK(std::abs(sum - 1 / e.at("labelled").get<double>()) < 1e-5);
  // exp overflows in f32, logsumexp does not.
  const auto overflow = e.at("overflow").back();
  CHECK(overflow.at("largest_logit") == 1000);
  CHECK(overflow.at("naive").is_null());
  CHECK(overflow.at("stable") == 1);
  // What the printed wiring leaves without a gradient, and what batch norm takes away.
  std::map<std::string, std::string> learns;
  for (const auto& p : e.at("parameters")) learns[p.at("name")] = p.at("learns");
  CHECK(learns.at("discriminator.conv6.weight") == "unread");
  CHECK(learns.at("discriminator.bn2.bias") == "unread");
  CHECK(learns.at("discriminator.conv3.bias") == "absorbed");
  CHECK(learns.at("discriminator.conv2.bias") == "yes");
  CHECK(learns.at("generator.deconv2.bias") == "absorbed");
  CHECK(learns.at("generator.dense.bias") == "yes");
  const auto a = e.at("adam");
  CHECK(std::abs(a.at("after").get<double>() - a.at("after_by_hand").get<double>()) < 1e-6);

  const std::string html = text_of(page);
  CHECK(html.size() < 1000000);
  CHECK_THAT(html, ContainsSubstring("One labelled zero image"));
  CHECK_THAT(run.ok(line).out, ContainsSubstring("why the maximum is subtracted"));
  // Any image of the batch takes the place of the first of its kind, and no other's.
  std::set<int> rows;
  for (size_t i = 0; i < 3; ++i) rows.insert(e.at("examples").at(i).at("row").get<int>());
  int image = 0;
  while (rows.contains(image)) ++image;
  const auto chosen =
      nlohmann::json::parse(run.ok(line + "--json --image " + std::to_string(image)).out);
  int others = 0;
  for (size_t i = 0; i < kinds.size(); ++i) {
    const auto example = chosen.at("examples").at(i);
    CHECK(example.at("kind") == kinds[i]);
    if (example == e.at("examples").at(i)) continue;
    CHECK(example.at("row") == image);
    ++others;
  }
  CHECK(others == 1);
  // What it shows is what the run computed.
  const auto out = run.file("step.safetensors");
  run.ok("replay --threads 1 --run " + quoted(run.path()) + " --step " + std::to_string(step) +
         " --out " + quoted(out));
  CHECK(e.at("losses").at("d") == values(load_safetensors(out), "loss.d").at(0));
}

TEST_CASE("study: the default network has no parameter that nothing reads") {
  const SmallRun run;
  const auto e = nlohmann::json::parse(run.ok("explain --json --run " + quoted(run.path())).out);
  CHECK(e.at("step") == 11);
  for (const auto& p : e.at("parameters")) {
    INFO(p);
    CHECK(p.at("learns") != "unread");
    CHECK((p.at("name") != "discriminator.conv2.bias" || p.at("learns") == "absorbed"));
  }
}

TEST_CASE("study: steps that cannot be explained") {
  const SmallRun run("--no-unlabeled");
  const std::string of_run = " --run " + quoted(run.path());
  for (const auto& [line, status, words] :
       {std::tuple{std::string("toy --steps 1 --seed 18446744073709551615"), 0, ""},
        std::tuple{std::string("toy --seed 18446744073709551616"), 2, "to 2^64 - 1"},
        std::tuple{"graph --svg step.png" + of_run, 2, "expected a name .svg"},
        std::tuple{"explain --html step.json" + of_run, 2, "expected a name .html"},
        std::tuple{"explain --step 99" + of_run, 2, "has the steps 1 to 10"},
        std::tuple{"explain --image 99" + of_run, 2, "--image 99: the batch of this step has"},
        std::tuple{"explain --image -1" + of_run, 2, "--image"},
        std::tuple{"explain --seed 3" + of_run, 2, "excludes"},
        std::tuple{std::string("explain --run /nowhere"), 3, "/nowhere"}}) {
    const ProgramResult r = run_program(line);
    INFO(line << "\n" << r.err);
    CHECK(r.status == status);
    CHECK_THAT(r.err, ContainsSubstring(words));
  }
}

TEST_CASE("study: a step without a generator") {
  for (const std::string flags : {"--no-unlabeled", "--preset best --labelled-batch 3"}) {
    const SmallRun run(flags);
    const std::string line = "explain --run " + quoted(run.path());
    const auto e = nlohmann::json::parse(run.ok(line + " --json").out);
    INFO(flags << "\n" << e.at("examples").size());
    CHECK(e.at("generated") == 0);
    for (const auto& x : e.at("examples")) CHECK(x.at("kind") != "generated");
    CHECK(e.at("dense_bias").at("relative_difference") < 1e-4);
    CHECK(e.at("losses").at("d_real").is_null());
    CHECK_THAT(run.ok(line).out, ContainsSubstring("nothing trains P(real)"));
  }
}

TEST_CASE("study: a generator that fools pulls on the logits of its images") {
  const SmallRun run("--g-loss fool");
  const std::string line = "explain --run " + quoted(run.path());
  const auto e = nlohmann::json::parse(run.ok(line + " --json").out);
  const auto generated = e.at("examples").back();
  const auto pull = generated.at("gradients").back();
  CHECK(pull.at("loss") == "g");
  double sum = 0;  // of -(1 - P) softmax / images
  for (const double v : pull.at("by_tape")) sum += v;
  CHECK(std::abs(sum + (1 - generated.at("p_real").get<double>()) / 8) < 1e-6);
  CHECK(e.at("formula_difference") < 1e-4);
  CHECK_THAT(run.ok(line).out, !ContainsSubstring("it pulls on none"));
}

TEST_CASE("study: damaged checkpoints are left out") {
  const SmallRun run;
  const std::string of_run = " --run " + quoted(run.path());
  std::filesystem::resize_file(run.path() / "checkpoints" / "step_00000005.safetensors", 999);
  const ProgramResult r = run_program("inspect --json" + of_run);
  CHECK(r.status == 3);
  CHECK_THAT(r.err,
             ContainsSubstring("step_00000005.safetensors: ") && ContainsSubstring("left out"));
  std::vector<int> steps;
  for (const auto& s : nlohmann::json::parse(r.out)) steps.push_back(s.at("step"));
  CHECK((steps == std::vector<int>{1, 11}));
  CHECK_THAT(run.ok("explain --step 7" + of_run).err, ContainsSubstring(", 6 steps to replay"));
}

TEST_CASE("study: the report has charts of what inspect found") {
  const SmallRun run("--preset tutorial");
  run.ok("inspect --report --run " + quoted(run.path()));
  const std::string page = text_of(run.path() / "report.html");
  CHECK_THAT(page, ContainsSubstring("<h2>Inside the layers</h2>") &&
                       ContainsSubstring("in 3 steps of this run, 1 to 11") &&
                       ContainsSubstring("discriminator.conv6 (no loss depends on it)") &&
                       ContainsSubstring("Their distance over their size"));
  std::ofstream(run.path() / "inspection.json") << R"({"steps":[{"layers":[{"layer":3}]}]})";
  run.ok("train --resume --epochs 3 --out " + quoted(run.path()));
  CHECK_THAT(text_of(run.path() / "report.html"), !ContainsSubstring("Inside the layers"));
}

TEST_CASE("study: the tape as a graph") {
  const SmallRun run("--preset tutorial");
  const std::string line = "graph --run " + quoted(run.path());
  const std::string dot = run.ok(line).out;
  const auto colour_of = [&](const std::string& box) {
    const size_t at = dot.find("\"" + box + "\\n");
    INFO(box << "\n" << dot);
    REQUIRE(at != dot.npos);
    return dot.substr(dot.find(" color=\"", at) + 8, 7);
  };
  const std::string blue = "#0b5cc0", orange = "#c2410c", violet = "#7b2fa0", grey = "#9aa1a9";
  CHECK(colour_of("real.conv1") == blue);
  CHECK(colour_of("fake.conv1") == violet);
  CHECK(colour_of("generator.deconv4") == orange);
  CHECK(colour_of("real.conv6") == grey);
  CHECK(colour_of("real.bn2") == grey);
  CHECK(colour_of("g") == orange);
  CHECK(colour_of("d_class") == blue);
  const auto svg = run.file("tape.svg");
  run.ok(line + " --svg " + quoted(svg));
  CHECK_THAT(text_of(svg), ContainsSubstring("<title>real.conv6: conv2d"));
}

TEST_CASE("study: gradients checked for a person") {
  ProgramResult r = run_program("gradcheck conv2d");
  INFO(r.out << r.err);
  CHECK(r.status == 0);
  CHECK_THAT(r.out, ContainsSubstring("the tape says ") && ContainsSubstring("differences say "));
  CHECK_THAT(r.out, ContainsSubstring("the smallest"));
  r = run_program("gradcheck conv2d --break");
  CHECK(r.status == 4);
  CHECK_THAT(r.out, ContainsSubstring("WRONG") && ContainsSubstring("on purpose"));
  r = run_program("gradcheck BatchNorm --h 1e-2,1e-9");
  CHECK(r.status == 0);
  CHECK_THAT(r.out, ContainsSubstring("1e-02") && ContainsSubstring("1e-09"));
  for (const std::string constant_sum : {"softmax", "BatchNorm"}) {
    r = run_program("gradcheck " + constant_sum + " --h 1e-1,1e-5");
    INFO(r.out);
    CHECK_THAT(r.out, ContainsSubstring("   the smallest"));
    CHECK(r.out.find("1e-05", r.out.find(" h ")) < r.out.find("   the smallest"));
  }
  for (const std::string bent : {"relu", "abs"}) {
    r = run_program("gradcheck " + bent);
    CHECK(r.status == 0);
    CHECK_THAT(r.out, ContainsSubstring("11 coordinates, 1 at kinks"));
  }
  r = run_program("gradcheck conv3d");
  CHECK(r.status == 2);
  CHECK_THAT(r.err, ContainsSubstring("gradcheck conv3d: there is no such operation"));
}

TEST_CASE("study: all cases of gradcheck hold, and none does when its rule is broken",
          "[optimised]") {
  CHECK(run_program("gradcheck").status == 0);
  const ProgramResult broken = run_program("gradcheck --break");
  CHECK(broken.status == 4);
  CHECK(broken.out.find(" ok ") == std::string::npos);
}

TEST_CASE("study: a run inspected, layer by layer") {
  const SmallRun run("--preset tutorial --eval-stats running");
  const auto all =
      nlohmann::json::parse(run.ok("inspect --json --threads 1 --run " + quoted(run.path())).out);
  std::vector<int> steps;
  for (const auto& s : all) steps.push_back(s.at("step"));
  CHECK((steps == std::vector<int>{1, 6, 11}));
  const auto at_6 = all.at(1);
  CHECK(at_6.at("epoch") == 1.0);
  CHECK(std::abs(at_6.at("feature_gap").get<double>() - at_6.at("g").get<double>()) < 1e-5);
  for (const auto& l : at_6.at("layers")) {
    INFO(l);
    const bool dead = l.at("layer") == "discriminator.conv6";
    CHECK(l.at("learns") == !dead);
    CHECK((l.at("gradient_rms") == 0.0) == dead);
    if (!dead) CHECK(l.at("update_rms_over_lr") > 0.05);
    if (l.at("layer") == "discriminator.conv3") CHECK(l.at("running_variance_ratio") > 0);
  }
  const std::string text = run.ok("inspect --step 3 --run " + quoted(run.path())).out;
  CHECK_THAT(text, ContainsSubstring("step 3 (epoch 0.40)") && ContainsSubstring("  dead"));
}

TEST_CASE("study: a step of another objective has its parts, too") {
  const SmallRun run("--preset augmented");
  const auto e = nlohmann::json::parse(run.ok("explain --json --run " + quoted(run.path())).out);
  CHECK(e.at("dense_bias").at("relative_difference") < 1e-4);
  CHECK(e.at("examples").at(0).at("gradients").at(0).at("by_formula").empty());
}

TEST_CASE("study: the toy's page shows what training did, the same each time") {
  const TempDir dir;
  const std::string line = "toy --steps 60 --g-loss both --html " + quoted(dir / "toy.html");
  const ProgramResult r = run_program(line);
  INFO(r.err);
  REQUIRE(r.status == 0);
  const std::string page = text_of(dir / "toy.html");
  CHECK(page.size() < 1000000);
  const std::string open = "<script type=\"application/json\" id=\"toy\">";
  const size_t begin = page.find(open) + open.size();
  const auto toy = nlohmann::json::parse(page.substr(begin, page.find("</script>") - begin));
  REQUIRE(toy.at("frames").size() == 40);
  CHECK(toy.at("frames").front().at("step") == 0);
  CHECK(toy.at("frames").back().at("step") == 60);
  CHECK(toy.at("labelled").size() == 12);
  CHECK(toy.at("frames").back().at("d_class") < toy.at("frames").front().at("d_class"));
  // The page's policy lets its own script run.
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA2_CTX context;
  SHA256Init(&context);
  SHA256Update(&context, reinterpret_cast<const uint8_t*>(kToyScript.data()), kToyScript.size());
  SHA256Final(digest, &context);
  CHECK(base64(std::as_bytes(std::span(digest))) == kToyScriptSha256);
  CHECK_THAT(page, ContainsSubstring("sha256-" + std::string(kToyScriptSha256) + "'\">"));
  CHECK(run_program(line).out == r.out);
  CHECK(text_of(dir / "toy.html") == page);
  CHECK(run_program("toy --steps 5 --g-loss none").status == 0);
  const auto extra = run_program("toy --steps 5 --extra-class 1 --class-loss all").out;
  CHECK_THAT(extra, ContainsSubstring("if \"generated\" is an answer, too: 0."));
  CHECK(extra != run_program("toy --steps 5 --extra-class 1").out);
  CHECK_THAT(run_program("toy --steps 5").out, !ContainsSubstring("is an answer"));
  CHECK(run_program("toy --g-loss win").status == 2);
}

TEST_CASE("study: steps that a run has not taken are not made up") {
  const SmallRun run;
  const auto on = run.file("on"), out = run.file("step.safetensors");
  run.ok("train --resume " + quoted(run.path() / "checkpoints" / "step_00000005.safetensors") +
         " --max-steps 8 --out " + quoted(on));
  const std::string replay = "replay --threads 1 --run " + quoted(on) + " --out " + quoted(out);
  for (const int step : {1, 5}) {
    const ProgramResult r = run_program(replay + fmt::format(" --step {}", step));
    CHECK(r.status == 2);
    CHECK_THAT(r.err, ContainsSubstring("has the steps 6 to 10"));
  }
  CHECK_THAT(run.ok(replay + " --step 6").err, !ContainsSubstring("does not have it"));
  CHECK(run_program(replay + " --step 12").status == 2);
  // The one that would follow the last: what inspect takes without --step at the run's end.
  CHECK(nlohmann::json::parse(run.ok("inspect --json --step 11 --run " + quoted(run.path())).out)
            .at(0)
            .at("step") == 11);
  CHECK_THAT(run.ok(replay + " --step 9").err, ContainsSubstring("step 9: the run's metrics.jsonl "
                                                                 "does not have it"));
}
