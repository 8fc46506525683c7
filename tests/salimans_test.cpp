#include <cmath>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/model/trainer.h"
#include "autograd/ops.h"
#include "tests/catch.h"
#include "tests/small_objective.h"
#include "tests/small_runs.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace {

NetworkOptions salimans_network() {
  NetworkOptions o = small_network();
  o.architecture = Architecture::salimans2016;
  return o;
}

int64_t count_of(const Module& m) {
  int64_t count = 0;
  for (const auto& [name, p] : m.named_parameters()) count += p->value().count();
  return count;
}

}  // namespace

TEST_CASE("salimans2016: the paper's networks for SVHN") {
  const NetworkOptions n = network_of(preset("salimans2016"));
  Generator g(n, DType::f32, kCpu);
  Discriminator d(n, DType::f32, kCpu);
  const int64_t dense = 100 * 8192 + 8192 + 2 * 8192,
                deconv = 25 * (512 * 256 + 256 * 128) + 3 * (256 + 128) + 25 * 128 * 3 + 2 * 3;
  CHECK(count_of(g) == dense + deconv);
  const auto conv = [](int64_t side, int64_t in, int64_t out) {
    return side * side * in * out + 2 * out;
  };
  CHECK(count_of(d) == conv(3, 3, 64) + 2 * conv(3, 64, 64) + conv(3, 64, 128) +
                           3 * conv(3, 128, 128) + 2 * conv(1, 128, 128) + conv(1, 128, 10));
  // In D every gain but the last layer's stays as it starts; in G those of batch norms do.
  for (const auto& [name, p] : d.named_parameters())
    CHECK(p->is_frozen() == (name.ends_with(".g") && name != "dense.g"));
  for (const auto& [name, p] : g.named_parameters())
    CHECK(p->is_frozen() == (name.starts_with("bn") && name.ends_with(".weight")));
  Random random(1);
  d.initialize(random);
  g.initialize(random);
  const Pass pass = Pass::evaluation(Statistics::batch);
  std::map<std::string, Shape> shapes;
  pass.observe([&](const std::string& name, const Var& v) { shapes[name] = v.shape(); });
  const Var images = g(pass, Tensor::zeros({2, kZSize}, DType::f32));
  d(pass, images);
  CHECK(images.shape() == Shape{2, 32, 32, 3});
  for (const auto& [name, side, channels] :
       {std::tuple{"relu2", 32, 64}, {"relu3", 16, 64}, {"relu6", 8, 128}, {"relu9", 6, 128}})
    CHECK(shapes.at(name) == Shape{2, side, side, channels});
}

TEST_CASE("salimans2016: every gradient is the differences'") {
  Small small(salimans_network());
  Objective o;
  o.gan_weight = 0.5;
  o.gan_real = GanReal::unlabelled;
  for (const auto member : {&ModelLoss::d, &ModelLoss::g}) {
    const GradcheckResult r =
        small.check_gradients(member, o, {}, {.step = 1e-7, .floor = 1e-4, .coordinates = 2});
    INFO(r.worst);
    CHECK(r.ok);
    CHECK(r.kinks < r.checked / 4);
  }
}

TEST_CASE("salimans2016: layers start from the first images") {
  Options o = preset("salimans2016");
  o.network.g_size_mult = 2;
  o.network.d_size_mult = 3;
  o.batch_size = 8;
  o.labelled_batch = o.noise_batch = 4;
  const ImageSet set = drawn_digits(16, Split::train, o.zero_as);
  Trainer trainer(o, DType::f64, kCpu);
  trainer.use(set, Tensor::full({16}, 1, DType::i32));
  const Tensor first =
      gather_images(set.images, Tensor::from({0, 1, 2, 3, 4, 5, 6, 7}, {8}), DType::f64);
  const auto means_of = [&](Discriminator& d) {
    const Pass pass = Pass::evaluation(Statistics::batch);
    std::map<std::string, std::pair<Tensor, Tensor>> of_layer;
    pass.observe([&](const std::string& name, const Var& v) {
      if (!name.starts_with("conv")) return;
      of_layer[name] = {mean(v, {0, 1, 2}).value(), mean(v * v, {0, 1, 2}).value()};
    });
    d(pass, first);
    return of_layer;
  };
  for (Discriminator* d : {&trainer.discriminator(), &trainer.evaluated()}) {
    const auto of_layer = means_of(*d);
    CHECK(of_layer.size() == 9);
    for (const auto& [name, moments] : of_layer) {
      INFO(name);
      for (const double m : moments.first.to_vector<double>()) CHECK(std::abs(m) < 1e-6);
      for (const double m : moments.second.to_vector<double>()) CHECK(std::abs(m - 1) < 1e-3);
    }
  }
  // Steps leave what is fixed as it is, and the rest not.
  std::map<std::string, Tensor> before, after;
  trainer.save(before);
  for (auto& [name, t] : before) t = t.clone();
  trainer.step(0, {{0, 1, 2, 3, 4, 5, 6, 7}, 4}, 1e-3);
  CHECK(std::isfinite(trainer.take_metrics().at(0).d));
  trainer.save(after);
  const auto same = [&](const std::string& name) {
    return before.at(name).to_vector<double>() == after.at(name).to_vector<double>();
  };
  CHECK(same("discriminator.conv9.g"));
  CHECK(same("generator.bn2.weight"));
  CHECK_FALSE(same("discriminator.conv9.weight"));
  CHECK_FALSE(same("discriminator.dense.g"));
  CHECK_FALSE(same("generator.bn2.bias"));
  CHECK_FALSE(same("generator.deconv4.g"));
}

TEST_CASE(
    "salimans2016: a run of the preset, and of best with these networks, goes on after a stop") {
  const SmallRuns runs;
  for (const std::string preset :
       {"salimans2016", "best --networks salimans2016 --gan-weight .1"}) {
    const std::string flags = "--preset " + preset +
                              " --labelled-batch 4 --noise-batch 4 --epochs 2 --limit-batches 3 "
                              "--threads 1 --overwrite ";
    const std::filesystem::path whole = runs.dir / "whole", parts = runs.dir / "parts";
    runs.ok(runs.train(whole, flags));
    runs.ok(runs.train(parts, flags + "--max-steps 2"));
    runs.ok("train --resume --threads 1 --out " + quoted(parts));
    CHECK(text_of(checkpoint(whole, 6)) == text_of(checkpoint(parts, 6)));
    for (const std::string command : {"explain --run ", "inspect --run ", "eval --checkpoint "})
      runs.ok(command + quoted(whole));
    for (const std::string format : {"onnx", "pytorch"}) {
      const ProgramResult r = run_program("export --format " + format + " --checkpoint " +
                                          quoted(whole) + " --out " + quoted(runs.dir / "x"));
      CHECK(r.status == 2);
      CHECK_THAT(r.err, ContainsSubstring("salimans2016"));
    }
  }
}
