#include "nn/checkpoint.h"

#include <charconv>

#include "nn/crc32c.h"

namespace gradus {
namespace {

constexpr const char* kFormat = "gradus checkpoint 1";
constexpr const char* kChecksum = "crc32c";

std::string checksum_of(const TensorFile& file) {
  uint32_t crc = 0;
  for (const auto& [key, value] : file.metadata)
    if (key != kChecksum) crc = crc32c(value, crc32c(key, crc));
  for (const auto& [name, t] : file.tensors) {
    const Tensor host = t.to(kCpu);
    crc = crc32c({static_cast<const char*>(host.raw()), host.bytes()}, crc32c(name, crc));
  }
  return fmt::format("{:08x}", crc);
}

int64_t step_of(const TensorFile& file) {
  const auto it = file.metadata.find("step");
  require<DataError>(it != file.metadata.end(), "no step");
  const std::string& text = it->second;
  int64_t step = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
  require<DataError>(error == std::errc() && end == text.data() + text.size() && step >= 0,
                     "step {}", text);
  return step;
}

std::map<std::string, Tensor> tensors_of(const Module& model, const Optimizer& optimizer) {
  std::map<std::string, Tensor> tensors;
  model.save(tensors, "model.");
  optimizer.save(tensors, "optimizer.");
  return tensors;
}

}  // namespace

void add_checksum(TensorFile& file) { file.metadata[kChecksum] = checksum_of(file); }

void require_intact(const TensorFile& file, const std::filesystem::path& path,
                    const std::string& format, const std::string& kind) {
  const auto entry = [&](const char* key) {
    const auto it = file.metadata.find(key);
    require<DataError>(it != file.metadata.end(), "{}: not {} (no {})", path.string(), kind, key);
    return it->second;
  };
  require<DataError>(entry("format") == format, "{}: format {}; {} expected", path.string(),
                     entry("format"), format);
  const std::string checksum = checksum_of(file);
  require<DataError>(entry(kChecksum) == checksum, "{}: damaged: its checksum is {}, not {}",
                     path.string(), checksum, entry(kChecksum));
}

void save_checkpoint(const std::filesystem::path& path, const Module& model,
                     const Optimizer& optimizer, int64_t step) {
  TensorFile file{tensors_of(model, optimizer),
                  {{"format", kFormat}, {"step", std::to_string(step)}}};
  add_checksum(file);
  save_safetensors(path, file);
}

int64_t load_checkpoint(const std::filesystem::path& path, Module& model, Optimizer& optimizer) {
  const TensorFile file = load_safetensors(path);
  require_intact(file, path, kFormat, "a checkpoint of Gradus");
  try {
    const int64_t step = step_of(file);
    const std::map<std::string, Tensor> mine = tensors_of(model, optimizer);
    for (const auto& [name, t] : file.tensors)
      require<DataError>(mine.count(name), "it holds {}, which is not in the model", name);
    for (const auto& [name, t] : mine) {  // all are tried before one is changed
      Tensor copy = t.clone();
      load_tensor(file.tensors, name, copy);
    }
    model.load(file.tensors, "model.");
    optimizer.load(file.tensors, "optimizer.");
    return step;
  } catch (const DataError& e) {
    throw DataError(fmt::format("{}: {}", path.string(), e.what()));
  }
}

}  // namespace gradus
