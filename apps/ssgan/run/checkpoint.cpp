#include "apps/ssgan/run/checkpoint.h"

#include <cmath>

#include "apps/ssgan/errors.h"
#include "apps/ssgan/json.h"
#include "apps/ssgan/model/trainer.h"
#include "nn/crc32c.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

constexpr const char* kFormat = "gradus ssgan checkpoint 1";
constexpr const char* kChecksum = "crc32c";
constexpr const char* kData = "data";

const std::string& entry(const TensorFile& file, const std::string& path, const char* key) {
  const auto it = file.metadata.find(key);
  require<DataError>(it != file.metadata.end(), "{}: not a checkpoint of ssgan (no {})", path, key);
  return it->second;
}

nlohmann::ordered_json metadata(const TensorFile& file, const std::string& path, const char* key) {
  const std::string& text = entry(file, path, key);
  try {
    return parse_json(text);
  } catch (const DataError& e) {
    throw DataError(fmt::format("damaged metadata: {}: {}", key, e.what()));
  }
}

/// Throws DataError where the weights that tell the widths are not of the configured sizes, so that
/// a small file cannot ask for large networks. What else is missing or misshapen, loading the
/// networks finds.
void require_sizes(const Checkpoint& c) {
  const int64_t g = c.options.network.g_size_mult, d = c.options.network.d_size_mult;
  const bool large = c.options.network.image_size > kTutorialSize;
  for (const auto& [name, shape] :
       {std::pair{"generator.deconv2.weight", Shape{4 * g, 5, 5, 2 * g}},
        {"discriminator.conv1.weight", Shape{d, 3, 3, large ? d : 3}}}) {
    const auto it = c.tensors.find(name);
    require<DataError>(it != c.tensors.end(), "no tensor {}; {} expected", name, shape);
    require<DataError>(it->second.shape() == shape, "tensor {} has shape {}; {} expected", name,
                       it->second.shape(), shape);
  }
}

}  // namespace

std::string checkpoint_checksum(const TensorFile& file) {
  uint32_t crc = 0;
  for (const auto& [key, value] : file.metadata)
    if (key != kChecksum) crc = crc32c(value, crc32c(key, crc));
  for (const auto& [name, t] : file.tensors) {
    const Tensor host = t.to(kCpu);
    crc = crc32c({static_cast<const char*>(host.raw()), host.bytes()}, crc32c(name, crc));
  }
  return fmt::format("{:08x}", crc);
}

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& c) {
  TensorFile file{c.tensors,
                  {{"format", kFormat},
                   {"config", to_json(c.options).dump()},
                   {"step", std::to_string(c.step)},
                   {"epoch_sums", nlohmann::json(c.epoch_sums).dump()}}};
  if (!c.data.empty()) file.metadata[kData] = c.data;
  file.metadata[kChecksum] = checkpoint_checksum(file);
  save_safetensors(path, file);
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  const TensorFile file = load_safetensors(path);
  const std::string name = path.string();
  require<DataError>(entry(file, name, "format") == kFormat, "{}: format {}; {} expected", name,
                     entry(file, name, "format"), kFormat);
  for (const auto& [tensor, reason] : file.unread) throw DataError(reason);
  require<DataError>(entry(file, name, kChecksum) == checkpoint_checksum(file),
                     "{}: damaged: its checksum is {}, not {}", name, checkpoint_checksum(file),
                     entry(file, name, kChecksum));
  Checkpoint c;
  c.path = path;
  if (file.metadata.contains(kData)) c.data = file.metadata.at(kData);
  c.tensors = file.tensors;
  try {
    c.options = options_from_json(metadata(file, name, "config"));
    const auto step = metadata(file, name, "step");
    require<DataError>(step.is_number_integer() && step.get<int64_t>() >= 0, "step {}",
                       step.dump());
    c.step = step.get<int64_t>();
    c.epoch_sums = metadata(file, name, "epoch_sums").get<std::vector<double>>();
    require_sizes(c);
  } catch (const nlohmann::json::exception& e) {
    throw DataError(fmt::format("{}: damaged metadata: {}", name, e.what()));
  } catch (const DataError& e) {
    throw DataError(fmt::format("{}: {}", name, e.what()));
  }
  return c;
}

bool statistics_are_fresh(const std::map<std::string, Tensor>& tensors) {
  for (const auto& [name, t] : tensors) {
    if (name.starts_with("adam.") || name.find(".running_") == std::string::npos) continue;
    const float fresh = name.ends_with(".running_variance") ? 1 : 0;
    for (const float v : t.to(DType::f32).to_vector<float>())
      if (v != fresh) return false;
  }
  return true;
}

void require_statistics(const Checkpoint& c, const Options& options) {
  require<UsageError>(!options.running_stats || !statistics_are_fresh(c.tensors),
                      "{}: its running statistics were never updated; use those of the batch",
                      c.path.string());
}

void require_finite(const std::string& where, const std::map<std::string, Tensor>& tensors) {
  for (const auto& [name, t] : tensors) {
    if (!is_float(t.dtype())) continue;
    const auto all_finite = [](auto values) {
      bool finite = true;  // to the end: such a loop is vectorised
      for (const auto v : values) finite &= std::isfinite(v);
      return finite;
    };
    const Tensor host = t.to(kCpu);
    const bool ok = host.dtype() == DType::f32 ? all_finite(host.span<float>())
                                               : all_finite(host.span<double>());
    require<NotFinite>(ok, "{}: {} is not finite", where, name);
  }
}

void use_average(Checkpoint& c, const Options& options) {
  if (!options.eval_ema) return;
  const std::string average = kAveraged;
  const size_t prefix = average.size() - std::string("discriminator.").size();
  bool found = false;
  for (auto& [name, t] : c.tensors)
    if (name.starts_with(average)) {
      c.tensors[name.substr(prefix)] = t;
      found = true;
    }
  require<DataError>(found, "{}: it has no average of the discriminator's weights (--eval-weights)",
                     c.path.string());
}

void load_network(const Checkpoint& c, const std::string& prefix, Module& network) {
  try {
    network.load(c.tensors, prefix);
  } catch (const DataError& e) {
    throw DataError(fmt::format("{}: {}", c.path.string(), e.what()));
  }
  std::map<std::string, Tensor> own;
  for (const auto& [name, t] : c.tensors)
    if (name.starts_with(prefix)) own.emplace(name, t);
  require_finite(c.path.string(), own);
}

}  // namespace gradus::ssgan
