#include <nlohmann/json.hpp>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/export/export.h"
#include "apps/ssgan/import/convert.h"
#include "apps/ssgan/model/trainer.h"
#include "apps/ssgan/utf8.h"

namespace gradus::ssgan {
namespace {

/// Ours, units by row, column and channel -> by channel, row and column.
Tensor units_to_nchw(const Tensor& t) {
  const int64_t units = t.shape()[0], rest = t.count() / units;
  return permute(t.reshape({16, units / 16, rest}), {1, 0, 2}).reshape(t.shape());
}

std::string classes_json(const Options& o) {
  nlohmann::json names = nlohmann::json::array();
  for (const std::string& name : class_labels(o)) names.push_back(as_utf8(name));
  return names.dump();
}

}  // namespace

TensorFile plain_weights(const Checkpoint& c) {
  TensorFile file{{},
                  {{"format", "gradus ssgan weights 1"},
                   {"config", to_json(c.options).dump()},
                   {"classes", classes_json(c.options)}}};
  for (const auto& [name, tensor] : c.tensors)
    if (!is_adam(name) && !name.starts_with(kAveraged)) file.tensors[name] = tensor;
  return file;
}

TensorFile pytorch_weights(const Checkpoint& c) {
  const TensorFile ours = plain_weights(c);
  TensorFile file{{}, ours.metadata};
  file.metadata["format"] = "pt";
  for (const auto& [name, tensor] : ours.tensors) {
    Tensor& theirs = file.tensors[pytorch_name(name)];
    theirs = tensor.to(kCpu).to(DType::f32);
    if (tensor.shape().rank() == 4) theirs = permute(theirs, {0, 3, 1, 2});
    if (name.starts_with("generator.dense.")) theirs = units_to_nchw(theirs);
  }
  return file;
}

}  // namespace gradus::ssgan
