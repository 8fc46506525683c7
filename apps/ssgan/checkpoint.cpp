#include "apps/ssgan/checkpoint.h"

#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "tensor/crc32c.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

constexpr const char* kFormat = "gradus ssgan checkpoint 1";

const std::string& entry(const TensorFile& file, const std::string& path, const char* key) {
  const auto it = file.metadata.find(key);
  require<DataError>(it != file.metadata.end(), "{}: not a checkpoint of ssgan (no {})", path, key);
  return it->second;
}

/// Of all tensors' bytes in the order of their names.
std::string checksum(const std::map<std::string, Tensor>& tensors) {
  uint32_t crc = 0;
  for (const auto& [name, t] : tensors) {
    const Tensor host = t.to(kCpu);
    crc = crc32c({static_cast<const char*>(host.raw()), host.bytes()}, crc);
  }
  return fmt::format("{:08x}", crc);
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& c) {
  save_safetensors(path, {c.tensors,
                          {{"format", kFormat},
                           {"config", to_json(c.options).dump()},
                           {"crc32c", checksum(c.tensors)},
                           {"step", std::to_string(c.step)},
                           {"epoch_sums", nlohmann::json(c.epoch_sums).dump()}}});
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  const TensorFile file = load_safetensors(path);
  const std::string name = path.string();
  require<DataError>(entry(file, name, "format") == kFormat, "{}: format {}; {} expected", name,
                     entry(file, name, "format"), kFormat);
  require<DataError>(entry(file, name, "crc32c") == checksum(file.tensors),
                     "{}: damaged: its tensors have the checksum {}, not {}", name,
                     checksum(file.tensors), entry(file, name, "crc32c"));
  Checkpoint c;
  c.tensors = file.tensors;
  try {
    c.options = options_from_json(nlohmann::ordered_json::parse(entry(file, name, "config")));
    c.step = nlohmann::json::parse(entry(file, name, "step")).get<int64_t>();
    c.epoch_sums =
        nlohmann::json::parse(entry(file, name, "epoch_sums")).get<std::vector<double>>();
  } catch (const nlohmann::json::exception& e) {
    throw DataError(fmt::format("{}: damaged metadata: {}", name, e.what()));
  } catch (const DataError& e) {
    throw DataError(fmt::format("{}: {}", name, e.what()));
  }
  return c;
}

std::optional<std::filesystem::path> checkpoint_upto(const std::filesystem::path& run,
                                                     int64_t step) {
  std::optional<std::filesystem::path> best;
  int64_t best_step = -1;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints", error)) {
    long long at;
    int length = 0;
    const std::string name = entry.path().filename().string();
    if (std::sscanf(name.c_str(), "step_%lld.safetensors%n", &at, &length) == 1 &&
        length == static_cast<int>(name.size()) && at <= step && at > best_step) {
      best = entry.path();
      best_step = at;
    }
  }
  return best;
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

std::filesystem::path run_of(const std::filesystem::path& checkpoint) {
  return std::filesystem::absolute(checkpoint).parent_path().parent_path();
}

}  // namespace gradus::ssgan
