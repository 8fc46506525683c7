#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "apps/ssgan/model/objective.h"
#include "autograd/gradcheck.h"
#include "tensor/backend.h"

namespace gradus::ssgan {

inline constexpr int64_t kLabelled = 2, kUnlabelled = 3;

inline Tensor uniform_tensor(const Shape& shape, double low, double high, uint64_t seed) {
  Tensor t(shape, DType::f64);
  backend(t).fill_uniform(Random(seed, Stream::data).next(), low, high, t);
  return t;
}

inline NetworkOptions small_network() {
  NetworkOptions o;
  o.g_size_mult = 2;
  o.d_size_mult = 3;
  o.relu2_reads_bn2 = true;
  o.keep_dead_layers = false;
  return o;
}

/// Both networks in f64, and a step's inputs: two labelled images and three unlabelled ones.
struct Small {
  explicit Small(NetworkOptions options = small_network())
      : generator(options, DType::f64, kCpu), discriminator(options, DType::f64, kCpu) {
    Random random(3, Stream::init);
    generator.initialize(random);
    discriminator.initialize(random);
    const int64_t n = kLabelled + kUnlabelled;
    batch.images = uniform_tensor({n, 32, 32, 3}, -1, 1, 2);
    batch.labels = Tensor::from({3, 7, 0, 1, 2}, {n});
    batch.label_mask = Tensor::from({1.0, 1.0, 0.0, 0.0, 0.0}, {n});
  }
  Pass training() {
    draws = Random(7);
    return Pass::training(draws).with(Statistics::batch);
  }
  ModelLoss loss(const Pass& pass, const Objective& o, const Tensor& taught = {},
                 int64_t labelled = kLabelled) {
    return objective_loss(pass, generator, discriminator, {batch, labelled, z, taught, adversarial},
                          o, ZeroAs::klass);
  }
  double value(const Objective& o, Var ModelLoss::*member, const Tensor& taught = {}) {
    return (loss(training(), o, taught).*member).value().item();
  }

  /// Of a loss towards all parameters of both networks, the frozen ones, too.
  GradcheckResult check_gradients(Var ModelLoss::*member, const Objective& o, const Tensor& taught,
                                  const GradcheckOptions& options) {
    std::vector<Parameter*> parameters;
    std::vector<Tensor> inputs;
    for (Module* m : {static_cast<Module*>(&generator), static_cast<Module*>(&discriminator)})
      for (const auto& [name, p] : m->named_parameters()) {
        parameters.push_back(p);
        inputs.push_back(p->value());
      }
    return gradcheck(
        [&](const std::vector<Var>& values) {
          const Pass pass = training();
          for (size_t i = 0; i < values.size(); ++i) pass.bind(*parameters[i], values[i]);
          return loss(pass, o, taught).*member;
        },
        inputs, options);
  }

  Generator generator;
  Discriminator discriminator;
  Batch batch;
  Adversarial adversarial;
  Tensor z = uniform_tensor({4, kZSize}, -2, 2, 1);
  Random draws{7};
};

/// The names and values of what a pass reports.
inline std::map<std::string, std::vector<double>> observed(const Pass& pass,
                                                           const std::function<void()>& work) {
  std::map<std::string, std::vector<double>> all;
  pass.observe(
      [&](const std::string& name, const Var& v) { all[name] = v.value().to_vector<double>(); });
  work();
  return all;
}

}  // namespace gradus::ssgan
