#include "apps/ssgan/model/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "autograd/ops.h"

namespace gradus::ssgan {
namespace {

void set(Tensor& t, double value) { t.copy_from(Tensor::full(t.shape(), value, t.dtype())); }

NetworkOptions without_dropout(NetworkOptions o) {
  o.drop_rate = 0;
  return o;
}

}  // namespace

Trainer::Trainer(const Options& options, DType dtype, Device device)
    : options_(options),
      dtype_(dtype),
      device_(device),
      generator_(network_of(options), dtype, device),
      discriminator_(network_of(options), dtype, device),
      d_adam_(discriminator_, {.beta1 = options.beta1}),
      g_adam_(generator_, {.beta1 = options.beta1}),
      step_(Tensor::zeros({}, DType::i32, device)),
      lr_(Tensor::zeros({}, DType::f64, device)),
      metrics_(Tensor::zeros({1, kMetrics}, dtype, device)),
      kept_(Tensor::zeros({kKept, kMetrics}, dtype, device)),
      random_(options.seed, Stream::train, step_) {
  Random init(options.seed, Stream::init);
  generator_.initialize(init);
  discriminator_.initialize(init);
  if (options.ema == 0) return;
  averaged_ = std::make_unique<Discriminator>(without_dropout(options.network), dtype, device);
  average_ = std::make_unique<ExponentialMovingAverage>(discriminator_, options.ema, *averaged_);
}

void Trainer::use(const ImageSet& set, const Tensor& label_mask) {
  images_ = set.images.to(device_);
  labels_ = set.labels.to(device_);
  label_mask_ = label_mask.to(device_);
  recorded_.clear();
}

void Trainer::step(int64_t step, const StepImages& images, double lr) {
  require<Error>(kept_count_ < kKept, "trainer: the metrics of {} steps are not read", kKept);
  const int64_t labelled = objective_of(options_).has_streams() ? images.labelled : 0;
  auto [it, is_new] = recorded_.try_emplace({images.all.size(), labelled});
  Recorded& recorded = it->second;
  if (is_new) {
    recorded.index = Tensor({std::ssize(images.all)}, DType::i32, device_);
    recorded.recording = backend(device_).record(
        [this, index = recorded.index, labelled] { run(index, labelled, Trace{}); });
  }
  recorded.index.copy_from(
      Tensor::from(std::span<const int32_t>(images.all), recorded.index.shape()));
  set(step_, static_cast<double>(step));
  set(lr_, lr);
  recorded.recording->run();
  move_average(step);
  backend(device_).copy_slice(metrics_, 0, 0, kept_count_++, 1, kept_);
}

Metrics Trainer::step(int64_t step, const StepImages& images, double lr, const Trace& trace) {
  set(step_, static_cast<double>(step));
  set(lr_, lr);
  const std::span<const int32_t> all(images.all);
  run(Tensor::from(all, {std::ssize(all)}, device_), images.labelled, trace);
  move_average(step);
  return read(metrics_)[0];
}

Metrics Trainer::step(int64_t step, const Batch& real, const Tensor& z, double lr,
                      const Trace& trace) {
  set(step_, static_cast<double>(step));
  set(lr_, lr);
  random_.restart();
  run(real, options_.labelled_batch, z, trace);
  move_average(step);
  return read(metrics_)[0];
}

void Trainer::run(const Tensor& index, int64_t labelled, const Trace& trace) {
  random_.restart();
  const int64_t noise = options_.noise_batch ? options_.noise_batch : options_.batch_size;
  const Tensor z = has_gan(options_) ? draw_z(noise) : Tensor();
  run(gather_batch(index), labelled, z, trace);
}

Batch Trainer::gather_batch(const Tensor& index) const {
  Batch batch;
  batch.images = gather_images(images_, index, dtype_);
  Tensor labels({index.count()}, dtype_, device_);
  batch.label_mask = labels.like();
  Backend& on = backend(device_);
  on.gather(labels_, index, 1, 0, labels);
  on.gather(label_mask_, index, 1, 0, batch.label_mask);
  batch.labels = labels.to(DType::i32);
  return batch;
}

Tensor Trainer::draw_z(int64_t count) {
  return normal({count, kZSize}, random_.next(), 0, 1, dtype_, device_);
}

ModelLoss Trainer::loss_of(const Pass& pass, const Batch& real, int64_t labelled, const Tensor& z) {
  const Objective o = objective_of(options_);
  if (o.is_plain()) return model_loss(pass, generator_, discriminator_, real, z, options_.zero_as);
  const int64_t count = real.images.shape()[0];
  StepInputs in{real, std::min(labelled, count), z, {}, {}};
  if (in.labelled < count && (o.has_teacher() || o.vat > 0)) {
    const Var unlabelled = slice(real.images, 0, in.labelled, count);
    // A pass of its own: what it records is freed at once.
    const Pass apart = Pass::training(random_);
    if (o.has_teacher())
      in.taught = teach(apart, *averaged_, unlabelled, options_.network.num_classes);
    if (o.vat > 0) in.adversarial = adversarial_of(apart, discriminator_, unlabelled, o.augment);
  }
  return objective_loss(pass, generator_, discriminator_, in, o, options_.zero_as);
}

void Trainer::move_average(int64_t step) {
  if (!average_) return;
  average_->update(step);
  if (objective_of(options_).has_teacher()) return;
  // An average that is not shown images has D's statistics.
  const auto from = discriminator_.named_buffers(), to = averaged_->named_buffers();
  for (size_t i = 0; i < to.size(); ++i) to[i].second->copy_from(from[i].second->value());
}

void Trainer::run(const Batch& real, int64_t labelled, const Tensor& z, const Trace& trace) {
  const Pass pass = Pass::training(random_).with(
      options_.running_stats ? Statistics::batch_and_update : Statistics::batch);
  pass.observe(trace.activation);
  pass.show("images", real.images);
  pass.show("labels", real.labels);
  pass.show("label_mask", real.label_mask);
  if (z.defined()) pass.show("z", z);
  pass.show("lr", lr_);
  const ModelLoss loss = loss_of(pass, real, labelled, z);
  if (trace.forward) trace.forward(pass, loss);
  const auto report = [&](const std::string& prefix, Module& module,
                          const std::vector<Tensor>& grads) {
    if (!trace.gradient) return;
    size_t i = 0;
    for (const auto& [name, p] : module.named_parameters())
      trace.gradient(prefix + name, grads[i++]);
  };

  // Both gradients are taken at the old parameters; then both are applied.
  const std::vector<Tensor> d_grads =
      pass.gradients(loss.d, discriminator_.parameters(), has_gan(options_));
  report("discriminator.", discriminator_, d_grads);
  if (has_gan(options_)) {
    if (trace.gradient)
      trace.gradient("fake", pass.tape()->gradients(loss.g, std::vector<Var>{loss.fake}, true)[0]);
    const std::vector<Tensor> g_grads = pass.gradients(loss.g, generator_.parameters());
    report("generator.", generator_, g_grads);
    g_adam_.step(g_grads, lr_);
  }
  d_adam_.step(d_grads, lr_);

  const Var none = Tensor::full({}, std::numeric_limits<double>::quiet_NaN(), dtype_, device_);
  std::vector<Var> scalars;
  for (const Var& v : {loss.d_real, loss.d_fake, loss.d_class, loss.d, loss.g, loss.consistency,
                       loss.confident, loss.correct, loss.masked_correct})
    scalars.push_back(reshape(v.value().defined() ? v.detach() : none, {1, 1}));
  metrics_.copy_from(concat(scalars, 1).value());
}

std::vector<Metrics> Trainer::take_metrics() {
  const Var taken = slice(kept_, 0, 0, std::exchange(kept_count_, 0));
  return read(taken.value());
}

std::vector<Metrics> Trainer::read(const Tensor& rows) const {
  const std::vector<double> m = rows.to(DType::f64).to_vector<double>();
  std::vector<Metrics> read;
  for (size_t i = 0; i + kMetrics <= m.size(); i += kMetrics)
    read.push_back(
        {m[i], m[i + 1], m[i + 2], m[i + 3], m[i + 4], m[i + 5], m[i + 6], m[i + 7], m[i + 8]});
  return read;
}

void Trainer::begin_with(const std::map<std::string, Tensor>& parameters) {
  generator_.load(parameters, "generator.", false);
  discriminator_.load(parameters, "discriminator.", false);
  if (averaged_) averaged_->load(parameters, "discriminator.", false);
}

void Trainer::save(std::map<std::string, Tensor>& tensors) {
  generator_.save(tensors, "generator.");
  discriminator_.save(tensors, "discriminator.");
  if (averaged_) averaged_->save(tensors, kAveraged);
  g_adam_.save(tensors, "adam.generator.");
  d_adam_.save(tensors, "adam.discriminator.");
}

void Trainer::load(const std::map<std::string, Tensor>& tensors) {
  generator_.load(tensors, "generator.");
  discriminator_.load(tensors, "discriminator.");
  if (averaged_) {
    const bool has_average = tensors.contains(kAveraged + std::string("conv1.weight"));
    averaged_->load(tensors, has_average ? kAveraged : "discriminator.");
  }
  g_adam_.load(tensors, "adam.generator.");
  d_adam_.load(tensors, "adam.discriminator.");
}

}  // namespace gradus::ssgan
