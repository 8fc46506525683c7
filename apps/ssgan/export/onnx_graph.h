#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "apps/ssgan/protobuf.h"
#include "tensor/tensor.h"

namespace gradus::ssgan {

/// A model in ONNX's format (onnx/onnx.proto, IR version 7, operators of version 13), written node
/// by node. A value is called by its name.
class OnnxGraph {
 public:
  using Value = std::string;
  using Attribute = std::variant<int64_t, float, std::vector<int64_t>>;
  using Attributes = std::vector<std::pair<std::string, Attribute>>;
  enum class Type { f32 = 1, u8 = 2 };

  explicit OnnxGraph(std::string name) : name_(std::move(name)) {}

  /// [N, dims...], N being free.
  Value input(const std::string& name, Type type, const std::vector<int64_t>& dims);
  void output(const Value& value, Type type, const std::vector<int64_t>& dims);
  /// f32 or f64 tensors, of any device, as f32.
  Value constant(const std::string& name, const Tensor& tensor);
  Value constant(float scalar);
  Value constant(const std::vector<int64_t>& integers);
  /// The operator's first output, named by it and its number, or `name`.
  Value node(const std::string& op, const std::vector<Value>& inputs,
             const Attributes& attributes = {}, const std::string& name = "");

  /// The file's bytes.
  std::string model(const std::string& producer_version,
                    const std::map<std::string, std::string>& metadata) const;

 private:
  Value add_constant(const std::string& name, int type, const std::vector<int64_t>& dims,
                     std::string_view bytes);
  static Message value_info(const Value& value, Type type, const std::vector<int64_t>& dims);

  std::string name_;
  Message nodes_, constants_, inputs_, outputs_;
  int count_ = 0;
};

}  // namespace gradus::ssgan
