#include <set>

#include "apps/ssgan/import/convert.h"
#include "apps/ssgan/import/import.h"

namespace gradus::ssgan {
namespace {

/// As PyTorch has it: [16 C, ...] by (c, h, w) -> ours by (h, w, c).
Tensor units_to_nhwc(const Tensor& t) {
  const int64_t units = t.shape()[0], rest = t.count() / units;
  return permute(t.reshape({units / 16, 16, rest}), {1, 0, 2}).reshape(t.shape());
}

}  // namespace

Imported import_pytorch(const std::filesystem::path& path, const Options& options) {
  const TensorFile file = load_safetensors(path);
  const auto format = file.metadata.find("format");
  require<DataError>(format == file.metadata.end() || !format->second.starts_with("gradus"),
                     "{}: a checkpoint of ssgan already; nothing to import", path.string());
  Imported imported{fresh_checkpoint(options), {}, {}};
  std::set<std::string> used;
  for (auto& [name, tensor] : imported.checkpoint.tensors) {
    if (is_adam(name) || is_average(name)) continue;
    const std::string theirs = pytorch_name(name), what = path.string() + ": " + theirs;
    const Tensor* const found = file.find(theirs);
    if (!found && is_statistic(name)) continue;
    require<DataError>(found, "{}: no such tensor; {} expected", what, tensor.shape());
    used.insert(theirs);
    const bool kernel = tensor.shape().rank() == 4;
    tensor = convert(what, *found, tensor.shape(),
                     kernel ? std::vector{0, 2, 3, 1} : std::vector<int>{});
    if (name.starts_with("generator.dense.")) tensor = units_to_nhwc(tensor);
    if (is_variance(name)) require_not_negative(what, tensor);
  }
  begin_average(imported.checkpoint.tensors);
  if (statistics_are_fresh(imported.checkpoint.tensors)) imported.notes.push_back(kNoStatistics);
  imported.notes.push_back(kNoAdams);
  std::vector<std::string> left_out;
  for (const auto& [name, tensor] : file.tensors)
    if (!used.contains(name)) left_out.push_back(name);
  for (const auto& [name, reason] : file.unread) left_out.push_back(name);
  if (!left_out.empty()) imported.notes.push_back("left out: " + listed(left_out));
  return imported;
}

}  // namespace gradus::ssgan
