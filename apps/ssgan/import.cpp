#include "apps/ssgan/import.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/trainer.h"
#include "nn/tf_checkpoint.h"

namespace gradus::ssgan {
namespace {

/// f32 [A0, A1, ...] -> [A(axes[0]), A(axes[1]), ...].
Tensor permute(const Tensor& from, const std::vector<int>& axes) {
  const int rank = from.shape().rank();
  std::vector<int64_t> extents, strides;
  for (const int axis : axes) {
    extents.push_back(from.shape()[axis]);
    int64_t stride = 1;
    for (int i = axis + 1; i < rank; ++i) stride *= from.shape()[i];
    strides.push_back(stride);
  }
  Tensor to(Shape(extents), DType::f32);
  const auto source = from.span<float>(), target = to.span<float>();
  std::vector<int64_t> at(extents.size());
  for (float& value : target) {
    int64_t offset = 0;
    for (size_t i = 0; i < at.size(); ++i) offset += at[i] * strides[i];
    value = source[offset];
    for (size_t i = at.size(); i-- > 0 && ++at[i] == extents[i];) at[i] = 0;
  }
  return to;
}

/// The shape that permute by `axes` turns into `to`.
Shape permuted_from(const Shape& to, const std::vector<int>& axes) {
  Shape from = to;
  for (size_t i = 0; i < axes.size(); ++i) from = from.with(axes[i], to[static_cast<int>(i)]);
  return from;
}

/// `from` as f32, in our layout by `axes` (none: as it is), checked against what is expected.
Tensor convert(const std::string& what, const Tensor& from, const Shape& expected,
               const std::vector<int>& axes) {
  require<DataError>(is_float(from.dtype()), "{} holds {}; f32 or f64 expected", what,
                     name(from.dtype()));
  const Shape shape = permuted_from(expected, axes);
  require<DataError>(from.shape() == shape,
                     "{} has shape {}; {} expected (--g-size-mult, --d-size-mult and --extra-class "
                     "say the sizes)",
                     what, from.shape(), shape);
  const Tensor values = from.to(DType::f32);
  for (const float v : values.span<float>())
    require<DataError>(std::isfinite(v), "{} holds {}", what, v);
  return axes.empty() ? values : permute(values, axes);
}

void require_not_negative(const std::string& what, const Tensor& t) {
  for (const float v : t.span<float>())
    require<DataError>(v >= 0, "{} holds {}, which no variance is", what, v);
}

/// What a trainer of these options saves before its first step: Adams are 0, statistics 0 and 1.
Checkpoint fresh_checkpoint(const Options& options) {
  Checkpoint c{options, 0, {}, {}};
  Trainer(options, DType::f32, kCpu).save(c.tensors);
  return c;
}

constexpr const char* kNoStatistics =
    "moving averages are absent or were never updated: running statistics are 0 and 1 (evaluate by "
    "--eval-stats batch)";
constexpr const char* kNoAdams = "weights alone: both Adams start at 0";

bool is_adam(const std::string& name) { return name.starts_with("adam."); }
bool is_statistic(const std::string& name) { return name.find(".running_") != std::string::npos; }
bool is_variance(const std::string& name) { return name.ends_with(".running_variance"); }

std::string listed(const std::vector<std::string>& names) {
  constexpr size_t kMost = 4;
  const size_t shown = std::min(names.size(), kMost);
  return fmt::format("{}{}",
                     fmt::join(names.begin(), names.begin() + static_cast<long>(shown), ", "),
                     shown < names.size() ? fmt::format(" and {} more", names.size() - shown) : "");
}

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
      if (is_adam(name)) continue;
      const std::string theirs = tensorflow_name(name);
      if (is_statistic(name) && !file_.contains(theirs)) continue;
      tensor = read(theirs, tensor.shape());
      if (is_variance(name)) require_not_negative(what(theirs), tensor);
    }
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

/// TensorFlow sets what is smaller to 0 on some devices.
constexpr float kSmallestPower = std::numeric_limits<float>::min();

std::optional<int64_t> steps_of_power(float power, float beta) {
  constexpr float kTolerance = 1e-4f;  // the next power of 0.999 differs by 1e-3
  require<DataError>(beta > 0 && beta < 1, "a beta of {}; between 0 and 1 expected", beta);
  int64_t t = 0;
  float product = beta;  // rounded at each step, as TensorFlow's is
  for (; product > power * (1 + kTolerance) && product >= kSmallestPower; ++t) product *= beta;
  if (power >= 0 && power < kSmallestPower) return {};
  require<DataError>(std::abs(product - power) <= kTolerance * power, "{} is no power of {}", power,
                     beta);
  return t;
}

/// As PyTorch has it: [16 C, ...] by (c, h, w) -> ours by (h, w, c).
Tensor units_to_nhwc(const Tensor& t) {
  const int64_t units = t.shape()[0], rest = t.count() / units;
  return permute(t.reshape({units / 16, 16, rest}), {1, 0, 2}).reshape(t.shape());
}

std::string pytorch_name(const std::string& ours) {
  if (!is_variance(ours)) return ours;
  return ours.substr(0, ours.size() - std::string_view("iance").size());
}

}  // namespace

std::optional<int64_t> steps_of_powers(float beta1_power, float beta2_power, double beta1) {
  const auto t1 = steps_of_power(beta1_power, static_cast<float>(beta1));
  const auto t2 = steps_of_power(beta2_power, static_cast<float>(AdamUpdate{}.beta2));
  // beta1's vanishes early, and is then all the same for every later t.
  const bool agree =
      t1 ? t1 == t2 : !t2 || std::pow(beta1, static_cast<double>(*t2) + 1) < 2 * kSmallestPower;
  require<DataError>(agree, "{} and {} belong to different numbers of steps", beta1_power,
                     beta2_power);
  return t2;
}

Imported import_tensorflow(const std::filesystem::path& prefix, const Options& options) {
  return TensorflowImport(prefix, options).run();
}

Imported import_pytorch(const std::filesystem::path& path, const Options& options) {
  const TensorFile file = load_safetensors(path);
  const auto format = file.metadata.find("format");
  require<DataError>(format == file.metadata.end() || !format->second.starts_with("gradus"),
                     "{}: a checkpoint of ssgan already; nothing to import", path.string());
  Imported imported{fresh_checkpoint(options), {}, {}};
  std::set<std::string> used;
  for (auto& [name, tensor] : imported.checkpoint.tensors) {
    if (is_adam(name)) continue;
    const std::string theirs = pytorch_name(name), what = path.string() + ": " + theirs;
    const auto it = file.tensors.find(theirs);
    if (it == file.tensors.end() && is_statistic(name)) continue;
    require<DataError>(it != file.tensors.end(), "{}: no such tensor; {} expected", what,
                       tensor.shape());
    used.insert(theirs);
    const bool kernel = tensor.shape().rank() == 4;
    tensor = convert(what, it->second, tensor.shape(),
                     kernel ? std::vector{0, 2, 3, 1} : std::vector<int>{});
    if (name.starts_with("generator.dense.")) tensor = units_to_nhwc(tensor);
    if (is_variance(name)) require_not_negative(what, tensor);
  }
  if (statistics_are_fresh(imported.checkpoint.tensors)) imported.notes.push_back(kNoStatistics);
  imported.notes.push_back(kNoAdams);
  std::vector<std::string> left_out;
  for (const auto& [name, tensor] : file.tensors)
    if (!used.contains(name)) left_out.push_back(name);
  if (!left_out.empty()) imported.notes.push_back("left out: " + listed(left_out));
  return imported;
}

int import_checkpoint(const ImportRequest& r) {
  std::string from = r.from;
  if (from.ends_with(".index")) from.resize(from.size() - std::string_view(".index").size());
  const Imported in = from.ends_with(".safetensors") ? import_pytorch(from, r.options)
                                                     : import_tensorflow(from, r.options);
  for (const std::string& line : in.notes) fmt::print(stderr, "{}: {}\n", from, line);
  if (in.lr)
    fmt::print(stderr, "{}: learning rate {:.4g}; a resumed run takes its own from its schedule\n",
               from, *in.lr);
  write_checkpoint(r.out, in.checkpoint);
  fmt::print("{} at step {}\n", r.out.string(), in.checkpoint.step);
  return kDone;
}

}  // namespace gradus::ssgan
