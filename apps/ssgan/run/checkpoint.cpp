#include "apps/ssgan/run/checkpoint.h"

#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/ssgan/crc32c.h"
#include "apps/ssgan/errors.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

constexpr const char* kFormat = "gradus ssgan checkpoint 1";
constexpr const char* kChecksum = "crc32c";

const std::string& entry(const TensorFile& file, const std::string& path, const char* key) {
  const auto it = file.metadata.find(key);
  require<DataError>(it != file.metadata.end(), "{}: not a checkpoint of ssgan (no {})", path, key);
  return it->second;
}

/// A run's checkpoints by step.
std::map<int64_t, std::filesystem::path> checkpoints_of(const std::filesystem::path& run) {
  std::map<int64_t, std::filesystem::path> all;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints", error)) {
    long long step;
    int length = 0;
    const std::string name = entry.path().filename().string();
    if (std::sscanf(name.c_str(), "step_%lld.safetensors%n", &step, &length) == 1 &&
        length == static_cast<int>(name.size()))
      all[step] = entry.path();
  }
  return all;
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
  file.metadata[kChecksum] = checkpoint_checksum(file);
  save_safetensors(path, file);
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  const TensorFile file = load_safetensors(path);
  const std::string name = path.string();
  require<DataError>(entry(file, name, "format") == kFormat, "{}: format {}; {} expected", name,
                     entry(file, name, "format"), kFormat);
  require<DataError>(entry(file, name, kChecksum) == checkpoint_checksum(file),
                     "{}: damaged: its checksum is {}, not {}", name, checkpoint_checksum(file),
                     entry(file, name, kChecksum));
  Checkpoint c;
  c.path = path;
  c.tensors = file.tensors;
  try {
    c.options = options_from_json(nlohmann::ordered_json::parse(entry(file, name, "config")));
    c.step = nlohmann::json::parse(entry(file, name, "step")).get<int64_t>();
    c.epoch_sums =
        nlohmann::json::parse(entry(file, name, "epoch_sums")).get<std::vector<double>>();
    require<DataError>(c.step >= 0, "step {}", c.step);
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

void load_network(const Checkpoint& c, const std::string& prefix, Module& network) {
  try {
    network.load(c.tensors, prefix);
  } catch (const DataError& e) {
    throw DataError(fmt::format("{}: {}", c.path.string(), e.what()));
  }
}

std::optional<std::filesystem::path> checkpoint_upto(const std::filesystem::path& run,
                                                     int64_t step) {
  const auto all = checkpoints_of(run);
  const auto above = all.upper_bound(step);
  if (above == all.begin()) return {};
  return std::prev(above)->second;
}

std::optional<std::filesystem::path> checkpoint_from(const std::filesystem::path& run,
                                                     int64_t step) {
  const auto all = checkpoints_of(run);
  const auto at = all.lower_bound(step);
  if (at == all.end()) return {};
  return at->second;
}

std::filesystem::path newest_checkpoint(const std::filesystem::path& run) {
  const auto newest = checkpoint_upto(run, std::numeric_limits<int64_t>::max());
  require<DataError>(newest.has_value(), "{}: no checkpoint there to resume from",
                     (run / "checkpoints").string());
  return *newest;
}

Options read_config(const std::filesystem::path& run) {
  const std::filesystem::path path = run / "config.json";
  const std::vector<std::byte> text = read_file(path);
  try {
    const char* begin = reinterpret_cast<const char*>(text.data());
    return options_from_json(nlohmann::ordered_json::parse(begin, begin + text.size()));
  } catch (const nlohmann::json::exception& e) {
    throw DataError(fmt::format("{}: {}", path.string(), e.what()));
  } catch (const DataError& e) {
    throw DataError(fmt::format("{}: {}", path.string(), e.what()));
  }
}

std::optional<std::filesystem::path> run_of(const std::filesystem::path& checkpoint) {
  const std::filesystem::path folder = std::filesystem::absolute(checkpoint).parent_path();
  std::error_code error;
  if (folder.filename() != "checkpoints" ||
      !std::filesystem::exists(folder.parent_path() / "config.json", error))
    return {};
  return folder.parent_path();
}

bool continues_run(const Checkpoint& c, const std::filesystem::path& run) {
  std::error_code error;
  if (!std::filesystem::exists(run / "config.json", error)) return false;
  const auto own = run_of(c.path);
  require<UsageError>(own && std::filesystem::equivalent(*own, run, error),
                      "--resume {}: {} holds another run; give --out a new folder", c.path.string(),
                      run.string());
  const auto newest = checkpoint_upto(run, std::numeric_limits<int64_t>::max());
  require<UsageError>(!newest || checkpoint_upto(run, c.step) == newest,
                      "--resume {}: the run has gone on to {}; resume from that, or give --out a "
                      "new folder",
                      c.path.string(), newest ? newest->filename().string() : "");
  return true;
}

void require_same_network(const Checkpoint& c, const Options& asked) {
  const nlohmann::ordered_json there = to_json(c.options), here = to_json(asked);
  for (const char* key :
       {"classes", "extra_class", "g_size_mult", "d_size_mult", "relu2", "dead_layers"})
    require<DataError>(there[key] == here[key],
                       "{}: of another architecture than this run: {} is {} there, {} here",
                       c.path.string(), key, there[key].dump(), here[key].dump());
}

void require_same_run(const Checkpoint& c, const Options& asked) {
  const nlohmann::ordered_json there = to_json(c.options), here = to_json(asked);
  for (const char* key : {"data", "seed", "batch_size", "limit_batches", "labels",
                          "labelled_per_batch", "unlabeled", "zero_as"})
    require<UsageError>(there[key] == here[key],
                        "--resume {}: {} is {} there, {} here; a run keeps it", c.path.string(),
                        key, there[key].dump(), here[key].dump());
}

}  // namespace gradus::ssgan
