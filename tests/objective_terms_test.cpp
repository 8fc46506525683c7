#include <cmath>
#include <numeric>

#include "apps/ssgan/model/trainer.h"
#include "autograd/ops.h"
#include "tests/catch.h"
#include "tests/small_objective.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace {

using Rows = std::vector<std::vector<double>>;

Rows rows_of(const std::vector<double>& flat, size_t count) {
  Rows rows(count);
  for (size_t i = 0; i < flat.size(); ++i) rows[i / (flat.size() / count)].push_back(flat[i]);
  return rows;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

std::vector<double> probabilities(std::vector<double> logits) {
  double total = 0;
  for (double& v : logits) total += v = std::exp(v);
  for (double& v : logits) v /= total;
  return logits;
}

double divergence(const std::vector<double>& p, const std::vector<double>& q) {
  double sum = 0;
  for (size_t c = 0; c < p.size(); ++c) sum += p[c] * std::log(p[c] / q[c]);
  return sum;
}

Objective without_gan() {
  Objective o;
  o.gan_weight = 0;
  return o;
}

double item(const Var& v) { return v.value().item(); }

Var unlabelled_of(const Small& small) {
  return slice(small.batch.images, 0, kLabelled, kLabelled + kUnlabelled);
}

/// What loss.d has beside the classes' part.
double beside_classes(const ModelLoss& loss) { return item(loss.d) - item(loss.d_class); }

}  // namespace

TEST_CASE("objective: the entropy is that of unlabelled images") {
  Small small;
  Objective o = without_gan();
  o.entropy = 0.5;
  const Pass pass = small.training();
  ModelLoss loss;
  const auto seen = observed(pass, [&] { loss = small.loss(pass, o); });
  const Rows logits = rows_of(seen.at("real.class_logits"), kLabelled + kUnlabelled);
  double expected = 0;
  for (size_t i = kLabelled; i < logits.size(); ++i)
    for (const double p : probabilities(logits[i])) expected -= p * std::log(p) / kUnlabelled;
  CHECK(std::abs(beside_classes(loss) - 0.5 * expected) < 1e-12);
  // A batch may hold labelled images alone.
  CHECK(beside_classes(small.loss(small.training(), o, {}, kLabelled + kUnlabelled)) == 0);
}

TEST_CASE("objective: the pull-away term is the mean squared cosine between features") {
  Small small;
  Objective o, with;
  with.pull_away = 0.5;
  const Pass pass = small.training();
  ModelLoss loss;
  const auto seen = observed(pass, [&] { loss = small.loss(pass, with); });
  const Rows f = rows_of(seen.at("fake.features"), 4);
  double expected = 0;
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < 4; ++j)
      if (i != j)
        expected += dot(f[i], f[j]) * dot(f[i], f[j]) / dot(f[i], f[i]) / dot(f[j], f[j]) / 12;
  CHECK(std::abs(item(loss.g) - small.value(o, &ModelLoss::g) - 0.5 * expected) < 1e-12);
  CHECK(item(loss.d) == small.value(o, &ModelLoss::d));
  // One image has nothing to point away from.
  small.z = slice(small.z, 0, 0, 1).value();
  CHECK(std::abs(small.value(with, &ModelLoss::g) - small.value(o, &ModelLoss::g)) < 1e-12);
}

TEST_CASE("objective: D is to say the same about G's images of two points next to each other") {
  Small small;
  Objective o, with;
  o.augment = with.augment = "strong";
  with.manifold = 1e9;
  const Pass pass = small.training();
  ModelLoss loss;
  const auto seen = observed(pass, [&] { loss = small.loss(pass, with); });
  const std::vector<double>&here = seen.at("fake.class_logits"),
        &near = seen.at("near.class_logits");
  double expected = 0;
  for (size_t i = 0; i < here.size(); ++i)
    expected += (here[i] - near[i]) * (here[i] - near[i]) / 4;
  const double d = small.value(o, &ModelLoss::d), term = item(loss.d) - d;
  CHECK(std::abs(term - 1e9 * expected) < 1e-9);
  // Both images are changed alike, so that the term is as small as the step is.
  CHECK(expected > 0);
  CHECK(expected < 1e-8);
  CHECK(item(loss.g) == small.value(o, &ModelLoss::g));
}

TEST_CASE("objective: virtual adversarial images change what D says more than others do") {
  Small small;
  const Var images = unlabelled_of(small);
  const Adversarial a = adversarial_of(small.training(), small.discriminator, images, "none");
  const Rows before = rows_of(images.value().to_vector<double>(), kUnlabelled),
             after = rows_of(a.images.to_vector<double>(), kUnlabelled);
  for (size_t i = 0; i < before.size(); ++i) {
    std::vector<double> way = after[i];
    for (size_t j = 0; j < way.size(); ++j) way[j] -= before[i][j];
    CHECK(std::abs(std::sqrt(dot(way, way)) - kVatRadius) < 1e-9);
  }
  const auto change = [&](const Tensor& moved) {
    const Pass pass = Pass::evaluation(Statistics::batch);
    const Rows p = rows_of(a.probabilities.to_vector<double>(), kUnlabelled),
               logits = rows_of(
                   small.discriminator(pass, moved).class_scores.value().to_vector<double>(),
                   kUnlabelled);
    double sum = 0;
    for (size_t i = 0; i < p.size(); ++i) sum += divergence(p[i], probabilities(logits[i]));
    return sum / kUnlabelled;
  };
  CHECK(change(images.value()) < 1e-12);
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Tensor guess = uniform_tensor(images.shape(), -1, 1, seed);
    const double length = std::sqrt(32 * 32);  // of rows of variance 1 / 3
    CHECK(change(a.images) > 2 * change((images + kVatRadius / length * Var(guess)).value()));
  }

  Objective o = without_gan();
  o.vat = 0.5;
  small.adversarial = a;
  CHECK(std::abs(beside_classes(small.loss(small.training(), o)) - 0.5 * change(a.images)) < 1e-12);
}
