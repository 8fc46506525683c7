#include "apps/ssgan/model/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "autograd/ops.h"
#include "autograd/over_ranks.h"

namespace gradus::ssgan {
namespace {

void set(Tensor& t, double value) { t.copy_from(Tensor::full(t.shape(), value, t.dtype())); }

NetworkOptions without_dropout(NetworkOptions o) {
  o.drop_rate = 0;
  return o;
}

}  // namespace

Trainer::Trainer(const Options& options, DType dtype, Device device, Communicator* ranks)
    : options_(options),
      dtype_(dtype),
      device_(device),
      ranks_(ranks),
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
  if (options_.network.architecture == Architecture::salimans2016) start_from_data();
}

void Trainer::start_from_data() {
  const int64_t count = std::min(images_.shape()[0], options_.batch_size);
  std::vector<int32_t> first(static_cast<size_t>(count));
  std::iota(first.begin(), first.end(), 0);
  const Pass pass = Pass::initialization();
  random_.restart();
  const Tensor index = Tensor::from(std::span<const int32_t>(first), {count}, device_);
  discriminator_(pass, gather_images(images_, index, dtype_));
  (void)generator_(pass, normal({count, kZSize}, random_.next(), 0, 1, dtype_, device_));
  if (!averaged_) return;
  std::map<std::string, Tensor> tensors;
  discriminator_.save(tensors, "");
  averaged_->load(tensors, "");
}

void Trainer::step(int64_t step, const StepImages& images, double lr) {
  require<Error>(kept_count_ < kKept, "trainer: the metrics of {} steps are not read", kKept);
  const Size size{std::ssize(images.all),
                  objective_of(options_).has_streams() ? images.labelled : 0};
  auto [it, is_new] = recorded_.try_emplace(size);
  Recorded& recorded = it->second;
  if (is_new) {
    recorded.index = index_of(images).to(device_);
    recorded.recording = backend(device_).record(
        [this, index = recorded.index, size] { run(index, size, Trace{}); });
  }
  recorded.index.copy_from(index_of(images));
  set(step_, static_cast<double>(step));
  set(lr_, lr);
  recorded.recording->run();
  move_average(step);
  backend(device_).copy_slice(metrics_, 0, 0, kept_count_++, 1, kept_);
}

Metrics Trainer::step(int64_t step, const StepImages& images, double lr, const Trace& trace) {
  set(step_, static_cast<double>(step));
  set(lr_, lr);
  run(index_of(images).to(device_), {std::ssize(images.all), images.labelled}, trace);
  move_average(step);
  return read(metrics_)[0];
}

Metrics Trainer::step(int64_t step, const Batch& real, const Tensor& z, double lr,
                      const Trace& trace) {
  set(step_, static_cast<double>(step));
  set(lr_, lr);
  random_.restart();
  const int64_t count = real.images.shape()[0];
  const auto own = [this](const Var& all) {
    const Part part = part_of(all.shape()[0]);
    return ranks_ ? slice(all, 0, part.begin, part.end) : all;
  };
  const Batch part{own(real.images), own(real.labels).value(), own(real.label_mask).value()};
  run(part, {count, options_.labelled_batch}, z.defined() ? own(z).value() : z, trace);
  move_average(step);
  return read(metrics_)[0];
}

Trainer::Part Trainer::part_of(int64_t count) const {
  if (!ranks_) return {0, count};
  return {count * ranks_->rank() / ranks_->size(), count * (ranks_->rank() + 1) / ranks_->size()};
}

Tensor Trainer::index_of(const StepImages& images) const {
  const auto [begin, end] = part_of(std::ssize(images.all));
  return Tensor::from(std::span(images.all).subspan(begin, end - begin), {end - begin});
}

Pass Trainer::training_pass() {
  return Pass::training(random_).shared_by(ranks_, options_.local_batch_norm);
}

void Trainer::run(const Tensor& index, const Size& size, const Trace& trace) {
  random_.restart();
  const int64_t noise = options_.noise_batch ? options_.noise_batch : options_.batch_size;
  const Tensor z = has_gan(options_) ? draw_z(noise) : Tensor();
  run(gather_batch(index), size, z, trace);
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
  static_assert(kZSize % 4 == 0);  // a noise vector is whole blocks of a draw
  const auto [begin, end] = part_of(count);
  const Draw draw = starting_at(random_.next(), begin * kZSize / 4, device_);
  return normal({end - begin, kZSize}, draw, 0, 1, dtype_, device_);
}

ModelLoss Trainer::loss_of(const Pass& pass, const Batch& real, const Size& size, const Tensor& z) {
  const Objective o = objective_of(options_);
  if (o.is_plain()) return model_loss(pass, generator_, discriminator_, real, z, options_.zero_as);
  const auto [begin, end] = part_of(size.images);
  StepInputs in{real, std::clamp(size.labelled, begin, end) - begin, z, {}, {}};
  if (size.labelled < size.images && (o.has_teacher() || o.vat > 0)) {
    const Var unlabelled = slice(real.images, 0, in.labelled, end - begin);
    // A pass of its own: what it records is freed at once.
    const Pass apart = training_pass();
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

void Trainer::run(const Batch& real, const Size& size, const Tensor& z, const Trace& trace) {
  const Pass pass = training_pass().with(options_.running_stats ? Statistics::batch_and_update
                                                                : Statistics::batch);
  pass.observe(trace.activation);
  pass.show("images", real.images);
  pass.show("labels", real.labels);
  pass.show("label_mask", real.label_mask);
  if (z.defined()) pass.show("z", z);
  pass.show("lr", lr_);
  const ModelLoss loss = loss_of(pass, real, size, z);
  if (trace.forward) trace.forward(pass, loss);
  const auto report = [&](const std::string& prefix, Module& module,
                          const std::vector<Tensor>& grads) {
    if (!trace.gradient) return;
    size_t i = 0;
    for (const auto& [name, p] : module.named_parameters())
      if (!p->is_frozen()) trace.gradient(prefix + name, grads[i++]);
  };

  // Both gradients are taken at the old parameters; then both are applied.
  const std::vector<Tensor> d_grads =
      pass.gradients(loss.d, discriminator_.parameters(), has_gan(options_));
  report("discriminator.", discriminator_, d_grads);
  if (has_gan(options_)) {
    if (trace.gradient) trace.gradient("fake", pass.gradient(loss.g, loss.fake, true));
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

void Trainer::share() {
  if (!ranks_) return;
  std::map<std::string, Tensor> tensors;
  save(tensors);
  for (auto& [name, tensor] : tensors) ranks_->broadcast(tensor);
}

}  // namespace gradus::ssgan
