#include "apps/ssgan/checkpoint.h"

#include <nlohmann/json.hpp>

namespace gradus::ssgan {
namespace {

constexpr const char* kFormat = "gradus ssgan checkpoint 1";

const std::string& entry(const TensorFile& file, const std::string& path, const char* key) {
  const auto it = file.metadata.find(key);
  require<DataError>(it != file.metadata.end(), "{}: not a checkpoint of ssgan (no {})", path, key);
  return it->second;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& c) {
  save_safetensors(path, {c.tensors,
                          {{"format", kFormat},
                           {"config", to_json(c.options).dump()},
                           {"step", std::to_string(c.step)},
                           {"epoch_sums", nlohmann::json(c.epoch_sums).dump()}}});
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  const TensorFile file = load_safetensors(path);
  const std::string name = path.string();
  require<DataError>(entry(file, name, "format") == kFormat, "{}: format {}; {} expected", name,
                     entry(file, name, "format"), kFormat);
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

std::filesystem::path newest_checkpoint(const std::filesystem::path& run) {
  require<DataError>(!run.empty(), "--resume: name a checkpoint, or the run's folder with --out");
  std::filesystem::path newest;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints", error))
    if (entry.path().extension() == ".safetensors" &&
        (newest.empty() || entry.path().filename() > newest.filename()))
      newest = entry.path();
  require<DataError>(!newest.empty(), "{}: no checkpoint there to resume from",
                     (run / "checkpoints").string());
  return newest;
}

std::filesystem::path run_of(const std::filesystem::path& checkpoint) {
  return std::filesystem::absolute(checkpoint).parent_path().parent_path();
}

}  // namespace gradus::ssgan
