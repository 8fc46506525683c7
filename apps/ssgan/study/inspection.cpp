#include "apps/ssgan/study/inspection.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace gradus::ssgan {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double rms(const Tensor& t) {
  double sum = 0;
  for (const double v : t.span<double>()) sum += v * v;
  return std::sqrt(sum / double(t.count()));
}

/// Of [..., C]: each channel's mean and biased variance.
struct Moments {
  std::vector<double> mean, variance;
};
Moments moments_of(const Tensor& t) {
  const auto channels = static_cast<size_t>(t.shape()[-1]);
  const auto values = t.span<double>();
  const double n = double(values.size()) / double(channels);
  Moments m{std::vector<double>(channels), std::vector<double>(channels)};
  for (size_t i = 0; i < values.size(); ++i) m.mean[i % channels] += values[i] / n;
  for (size_t i = 0; i < values.size(); ++i) {
    const double d = values[i] - m.mean[i % channels];
    m.variance[i % channels] += d * d / n;
  }
  return m;
}

class Inspector {
 public:
  explicit Inspector(const StepRecord& record) : record_(record) {}

  LayerHealth layer(const std::string& weight) const {
    const std::string name = weight.substr(0, weight.rfind('.'));
    LayerHealth h{name,           rms(record_.tensor("grad." + weight)),
                  update(weight), kNone,
                  kNone,          kNone,
                  kNone,          record_.graph.parameters.at(weight) != StepGraph::Learns::unread};
    const std::string network = name.substr(0, name.find('.')),
                      layer = name.substr(network.size() + 1);
    const bool large = record_.tensors.contains("generator.relu0");  // of images of 64 pixels
    const std::string number = layer != "dense" ? layer.substr(layer.size() - 1)
                               : large          ? "0"
                                                : "1";
    if (network == "generator") {
      h.silent_fake = silent("generator.relu" + number);
      add_statistics(h, "generator.bn" + number, "generator." + layer);
    } else if (layer != "dense") {
      h.silent_real = silent("real.relu" + number);
      h.silent_fake = silent("fake.relu" + number);
      add_statistics(h, "discriminator.bn" + number, "real." + layer);
    }
    return h;
  }

  std::vector<double> mean_features(const std::string& of) const {
    if (!record_.tensors.contains(of + ".features")) return {};
    return moments_of(record_.tensor(of + ".features")).mean;
  }

 private:
  double update(const std::string& weight) const {
    Tensor moved = record_.tensor("updated." + weight);
    const Tensor before = record_.tensor("before." + weight);
    Tensor difference = moved.like();
    std::ranges::transform(moved.span<double>(), before.span<double>(),
                           difference.mutable_span<double>().begin(), std::minus<>());
    return rms(difference) / record_.lr;
  }

  double silent(const std::string& activation) const {
    if (!record_.tensors.contains(activation)) return kNone;
    const Tensor t = record_.tensor(activation);
    const auto channels = static_cast<size_t>(t.shape()[-1]);
    std::vector<char> fires(channels);
    const auto values = t.span<double>();
    for (size_t i = 0; i < values.size(); ++i)
      if (values[i] > 0) fires[i % channels] = true;
    return double(std::ranges::count(fires, 0)) / double(channels);
  }

  /// Of the batch norm that reads the activation, with the running statistics before the step.
  void add_statistics(LayerHealth& h, const std::string& norm, const std::string& input) const {
    const std::string mean_name = "before." + norm + ".running_mean";
    if (!record_.tensors.contains(mean_name) || !record_.tensors.contains(input)) return;
    const auto mean = record_.tensor(mean_name).to_vector<double>(),
               variance =
                   record_.tensor("before." + norm + ".running_variance").to_vector<double>();
    const Tensor x = record_.tensor(input);
    const auto channels = static_cast<int64_t>(mean.size());
    const Moments batch = moments_of(x.reshape({x.count() / channels, channels}));
    h.mean_gap = h.variance_ratio = 0;
    for (size_t c = 0; c < mean.size(); ++c) {
      h.mean_gap += std::abs(mean[c] - batch.mean[c]) / std::sqrt(batch.variance[c]);
      h.variance_ratio += variance[c] / batch.variance[c];
    }
    h.mean_gap /= double(channels);
    h.variance_ratio /= double(channels);
  }

  const StepRecord& record_;
};

std::string cell(double v, const char* format) {
  return std::isfinite(v) ? fmt::format(fmt::runtime(format), v) : "-";
}

}  // namespace

StepHealth health_of(const StepRecord& record, int64_t steps_per_epoch) {
  StepHealth h;
  h.step = record.step;
  h.epoch = double(record.step - 1) / double(steps_per_epoch);
  h.metrics = record.metrics;
  const Inspector inspector(record);
  for (const auto& [name, learns] : record.graph.parameters) {
    if (learns == StepGraph::Learns::unread)
      h.dead_parameters += record.tensors.at("before." + name).count();
    if (name.ends_with(".weight") && name.find(".bn") == name.npos)
      h.layers.push_back(inspector.layer(name));
  }
  const auto real = inspector.mean_features("real"), fake = inspector.mean_features("fake");
  h.feature_gap = fake.empty() ? kNone : 0;
  for (size_t i = 0; i < real.size(); ++i) {
    h.feature_size += std::abs(real[i]) / double(real.size());
    if (!fake.empty()) h.feature_gap += std::abs(real[i] - fake[i]) / double(real.size());
  }
  return h;
}

nlohmann::ordered_json to_json(const StepHealth& h) {
  nlohmann::ordered_json layers = nlohmann::json::array();
  for (const LayerHealth& l : h.layers)
    layers.push_back({{"layer", l.layer},
                      {"gradient_rms", l.gradient},
                      {"update_rms_over_lr", l.update},
                      {"silent_channels_real", l.silent_real},
                      {"silent_channels_generated", l.silent_fake},
                      {"running_mean_gap", l.mean_gap},
                      {"running_variance_ratio", l.variance_ratio},
                      {"learns", l.learns}});
  return {{"step", h.step},
          {"epoch", h.epoch},
          {"d", h.metrics.d},
          {"g", h.metrics.g},
          {"feature_gap", h.feature_gap},
          {"feature_size", h.feature_size},
          {"dead_parameters", h.dead_parameters},
          {"layers", layers}};
}

std::string to_text(const StepHealth& h) {
  std::string out = fmt::format("step {} (epoch {:.2f}): d {:.4f}, g {}\n", h.step, h.epoch,
                                h.metrics.d, cell(h.metrics.g, "{:.4f}"));
  auto add = std::back_inserter(out);
  if (std::isfinite(h.feature_gap))
    fmt::format_to(add,
                   "mean features: generated images are {:.4f} from real ones, whose size is "
                   "{:.4f}; ratio {:.3f}\n",
                   h.feature_gap, h.feature_size, h.feature_gap / h.feature_size);
  if (h.dead_parameters > 0)
    fmt::format_to(add, "no loss depends on {} parameters\n", h.dead_parameters);
  fmt::format_to(add, "{:<22} {:>9} {:>9} {:>13} {:>13} {:>9} {:>9}\n", "", "gradient", "update",
                 "never above 0", "never above 0", "running", "running");
  fmt::format_to(add, "{:<22} {:>9} {:>9} {:>13} {:>13} {:>9} {:>9}\n", "layer", "rms", "over lr",
                 "real", "generated", "mean off", "var ratio");
  for (const LayerHealth& l : h.layers)
    fmt::format_to(add, "{:<22} {:>9} {:>9} {:>13} {:>13} {:>9} {:>9}{}\n", l.layer,
                   cell(l.gradient, "{:.1e}"), cell(l.update, "{:.3f}"),
                   cell(100 * l.silent_real, "{:.1f} %"), cell(100 * l.silent_fake, "{:.1f} %"),
                   cell(l.mean_gap, "{:.3f}"), cell(l.variance_ratio, "{:.3f}"),
                   l.learns ? "" : "  dead");
  return out;
}

}  // namespace gradus::ssgan
