#include <algorithm>
#include <array>
#include <set>

#include "apps/ssgan/import/convert.h"
#include "apps/ssgan/import/import.h"
#include "apps/ssgan/import/tf_checkpoint.h"

namespace gradus::ssgan {
namespace {

/// A layer under our name, and in the printed program's checkpoints.
struct Layer {
  const char *ours, *theirs;
};
constexpr std::array kLayers{
    Layer{"generator.dense", "generator/dense"},
    Layer{"generator.bn1", "generator/batch_normalization"},
    Layer{"generator.bn2", "generator/batch_normalization_1"},
    Layer{"generator.bn3", "generator/batch_normalization_2"},
    Layer{"generator.deconv2", "generator/conv2d_transpose"},
    Layer{"generator.deconv3", "generator/conv2d_transpose_1"},
    Layer{"generator.deconv4", "generator/conv2d_transpose_2"},
    Layer{"discriminator.conv1", "discriminator/conv2d"},
    Layer{"discriminator.conv2", "discriminator/conv2d_1"},
    Layer{"discriminator.conv3", "discriminator/conv2d_2"},
    Layer{"discriminator.conv4", "discriminator/conv2d_3"},
    Layer{"discriminator.conv5", "discriminator/conv2d_4"},
    Layer{"discriminator.conv6", "discriminator/conv2d_5"},
    Layer{"discriminator.conv7", "discriminator/conv2d_6"},
    Layer{"discriminator.bn2", "discriminator/batch_normalization"},
    Layer{"discriminator.bn3", "discriminator/batch_normalization_1"},
    Layer{"discriminator.bn4", "discriminator/batch_normalization_2"},
    Layer{"discriminator.bn5", "discriminator/batch_normalization_3"},
    Layer{"discriminator.bn6", "discriminator/batch_normalization_4"},
    Layer{"discriminator.dense", "discriminator/dense"},
};

/// "discriminator.conv3.weight" -> "discriminator/conv2d_2/kernel".
std::string tensorflow_name(const std::string& ours) {
  const size_t dot = ours.rfind('.');
  const std::string layer = ours.substr(0, dot), leaf = ours.substr(dot + 1);
  const auto* it = std::ranges::find(kLayers, layer, &Layer::ours);
  require(it != kLayers.end(), "import: no layer of the printed program is {}", layer);
  const bool norm = layer.find(".bn") != std::string::npos;
  const char* theirs = leaf == "weight"         ? (norm ? "gamma" : "kernel")
                       : leaf == "bias"         ? (norm ? "beta" : "bias")
                       : leaf == "running_mean" ? "moving_mean"
                                                : "moving_variance";
  return fmt::format("{}/{}", it->theirs, theirs);
}

/// Reads one TensorFlow checkpoint into `imported`.
class TensorflowImport {
 public:
  TensorflowImport(const std::filesystem::path& prefix, const Options& options)
      : prefix_(prefix.string()), file_(prefix), imported_{fresh_checkpoint(options), {}, {}} {}

  Imported run() {
    Checkpoint& c = imported_.checkpoint;
    for (auto& [name, tensor] : c.tensors) {
      if (is_adam(name) || is_average(name)) continue;
      const std::string theirs = tensorflow_name(name);
      if (is_statistic(name) && !file_.contains(theirs)) continue;
      tensor = read(theirs, tensor.shape());
      if (is_variance(name)) require_not_negative(what(theirs), tensor);
    }
    begin_average(c.tensors);
    if (statistics_are_fresh(c.tensors)) note(kNoStatistics);
    if (file_.contains("beta1_power") || file_.contains("beta1_power_1"))
      read_adams();
    else
      note(kNoAdams);
    if (file_.contains("Variable")) imported_.lr = read("Variable", {}).item();
    note_left_out();
    return std::move(imported_);
  }

 private:
  void note(std::string line) { imported_.notes.push_back(std::move(line)); }

  std::string what(const std::string& variable) const { return prefix_ + ": " + variable; }

  Tensor read(const std::string& variable, const Shape& expected) {
    used_.insert(variable);
    const std::vector<int> axes = expected.rank() == 2   ? std::vector{1, 0}
                                  : expected.rank() == 4 ? std::vector{3, 0, 1, 2}
                                                         : std::vector<int>{};
    return convert(what(variable), file_.read(variable), expected, axes);
  }

  void read_adams() {
    int64_t& step = imported_.checkpoint.step;
    step = read_adam("discriminator", "");
    const int64_t g_steps = read_adam("generator", "_1");
    if (g_steps != step)
      note(
          fmt::format("the discriminator's Adam took {} steps, the generator's {}", step, g_steps));
  }

  /// m, v and t of a network's Adam; the steps it took.
  int64_t read_adam(const std::string& network, const std::string& suffix) {
    const std::string power1 = "beta1_power" + suffix, power2 = "beta2_power" + suffix;
    if (!file_.contains(power1)) {
      note(fmt::format("the {}'s Adam is absent: it starts at 0", network));
      return 0;
    }
    Checkpoint& c = imported_.checkpoint;
    const std::string m = fmt::format("adam.{}.m.", network);
    std::vector<std::string> without;
    for (auto& [name, tensor] : c.tensors) {
      if (!name.starts_with(m)) continue;
      const std::string parameter = network + "." + name.substr(m.size());
      const std::string slot = tensorflow_name(parameter) + "/Adam";
      if (!file_.contains(slot) && !file_.contains(slot + "_1")) {
        const std::string layer = parameter.substr(0, parameter.rfind('.'));
        if (without.empty() || without.back() != layer) without.push_back(layer);
        continue;
      }
      tensor = read(slot, tensor.shape());
      Tensor& v = c.tensors.at(fmt::format("adam.{}.v.{}", network, name.substr(m.size())));
      v = read(slot + "_1", v.shape());
      require_not_negative(what(slot + "_1"), v);
    }
    if (!without.empty())
      note(fmt::format("no loss reached {}: their m and v are 0", listed(without)));
    const int64_t t = read_steps(network, power1, power2);
    c.tensors.at(fmt::format("adam.{}.t", network)) =
        Tensor::from<int32_t>({static_cast<int32_t>(t)}, Shape{});
    return t;
  }

  int64_t read_steps(const std::string& network, const std::string& power1,
                     const std::string& power2) {
    // Its exact value no longer matters where the powers vanished: the corrections are 1.
    constexpr int64_t kMany = 100'000;
    const double p1 = read(power1, {}).item(), p2 = read(power2, {}).item();
    try {
      const auto t = steps_of_powers(static_cast<float>(p1), static_cast<float>(p2),
                                     imported_.checkpoint.options.beta1);
      if (!t)
        note(fmt::format("the {}'s Adam took too many steps to be counted: {} taken", network,
                         kMany));
      return t.value_or(kMany);
    } catch (const DataError& e) {
      throw DataError(fmt::format("{}: {}, {}: {}", prefix_, power1, power2, e.what()));
    }
  }

  void note_left_out() {
    std::vector<std::string> names;
    for (const auto& [name, variable] : file_.variables())
      if (!used_.contains(name)) names.push_back(name);
    if (!names.empty()) note(fmt::format("left out: {}", listed(names)));
  }

  std::string prefix_;
  TfCheckpoint file_;
  Imported imported_;
  std::set<std::string> used_;
};

}  // namespace

Imported import_tensorflow(const std::filesystem::path& prefix, const Options& options) {
  return TensorflowImport(prefix, options).run();
}

}  // namespace gradus::ssgan
