#include "apps/ssgan/export/onnx_graph.h"

#include <fmt/format.h>

namespace gradus::ssgan {
namespace {

// Field numbers of onnx.proto.
namespace model {
constexpr int kIrVersion = 1, kProducerName = 2, kProducerVersion = 3, kGraph = 7, kOpset = 8,
              kMetadata = 14;
}
namespace opset {
constexpr int kVersion = 2;
}
namespace entry {
constexpr int kKey = 1, kValue = 2;
}
namespace graph {
constexpr int kNode = 1, kName = 2, kInitializer = 5, kInput = 11, kOutput = 12;
}
namespace node {
constexpr int kInput = 1, kOutput = 2, kName = 3, kOpType = 4, kAttribute = 5;
}
namespace attribute {
constexpr int kName = 1, kFloat = 2, kInt = 3, kInts = 8, kType = 20;
constexpr int kIsFloat = 1, kIsInt = 2, kIsInts = 7;
}  // namespace attribute
namespace tensor {
constexpr int kDims = 1, kDataType = 2, kName = 8, kRawData = 9;
constexpr int kF32 = 1, kI64 = 7;
}  // namespace tensor
namespace value {
constexpr int kName = 1, kType = 2;
}
namespace type {
constexpr int kTensor = 1, kElement = 1, kShape = 2, kDim = 1, kDimValue = 1, kDimName = 2;
}

constexpr int64_t kIrVersion = 7, kOpsetVersion = 13;

Message to_message(const std::string& name, const OnnxGraph::Attribute& a) {
  Message m;
  m.text(attribute::kName, name);
  if (const auto* i = std::get_if<int64_t>(&a)) {
    m.integer(attribute::kInt, *i).integer(attribute::kType, attribute::kIsInt);
  } else if (const auto* f = std::get_if<float>(&a)) {
    m.float32(attribute::kFloat, *f).integer(attribute::kType, attribute::kIsFloat);
  } else {
    for (const int64_t i : std::get<std::vector<int64_t>>(a)) m.integer(attribute::kInts, i);
    m.integer(attribute::kType, attribute::kIsInts);
  }
  return m;
}

}  // namespace

Message OnnxGraph::value_info(const Value& name, Type element, const std::vector<int64_t>& dims) {
  Message shape;
  shape.message(type::kDim, Message().text(type::kDimName, "N"));
  for (const int64_t d : dims) shape.message(type::kDim, Message().integer(type::kDimValue, d));
  Message tensor;
  tensor.integer(type::kElement, static_cast<int>(element)).message(type::kShape, shape);
  return Message()
      .text(value::kName, name)
      .message(value::kType, Message().message(type::kTensor, tensor));
}

OnnxGraph::Value OnnxGraph::input(const std::string& name, Type type,
                                  const std::vector<int64_t>& dims) {
  inputs_.message(graph::kInput, value_info(name, type, dims));
  return name;
}

void OnnxGraph::output(const Value& value, Type type, const std::vector<int64_t>& dims) {
  outputs_.message(graph::kOutput, value_info(value, type, dims));
}

OnnxGraph::Value OnnxGraph::add_constant(const std::string& name, int type,
                                         const std::vector<int64_t>& dims, std::string_view bytes) {
  Message t;
  for (const int64_t d : dims) t.integer(tensor::kDims, d);
  t.integer(tensor::kDataType, type).text(tensor::kName, name).text(tensor::kRawData, bytes);
  constants_.message(graph::kInitializer, t);
  return name;
}

OnnxGraph::Value OnnxGraph::constant(const std::string& name, const Tensor& t) {
  const Tensor values = t.to(kCpu).to(DType::f32);
  std::vector<int64_t> dims;
  for (int axis = 0; axis < t.shape().rank(); ++axis) dims.push_back(t.shape()[axis]);
  return add_constant(
      name, tensor::kF32, dims,
      {static_cast<const char*>(values.raw()), static_cast<size_t>(values.bytes())});
}

OnnxGraph::Value OnnxGraph::constant(float scalar) {
  return add_constant(fmt::format("constant{}", ++count_), tensor::kF32, {},
                      little_endian(std::bit_cast<uint32_t>(scalar)));
}

OnnxGraph::Value OnnxGraph::constant(const std::vector<int64_t>& integers) {
  std::string bytes;
  for (const int64_t i : integers) bytes += little_endian(static_cast<uint64_t>(i));
  return add_constant(fmt::format("constant{}", ++count_), tensor::kI64,
                      {static_cast<int64_t>(integers.size())}, bytes);
}

OnnxGraph::Value OnnxGraph::node(const std::string& op, const std::vector<Value>& inputs,
                                 const Attributes& attributes, const std::string& name) {
  const std::string output = name.empty() ? fmt::format("{}{}", op, ++count_) : name;
  Message m;
  for (const Value& input : inputs) m.text(node::kInput, input);
  m.text(node::kOutput, output).text(node::kName, output).text(node::kOpType, op);
  for (const auto& [key, a] : attributes) m.message(node::kAttribute, to_message(key, a));
  nodes_.message(graph::kNode, m);
  return output;
}

std::string OnnxGraph::model(const std::string& producer_version,
                             const std::map<std::string, std::string>& metadata) const {
  Message whole;
  whole.integer(model::kIrVersion, kIrVersion)
      .text(model::kProducerName, "gradus ssgan")
      .text(model::kProducerVersion, producer_version)
      .message(model::kOpset, Message().integer(opset::kVersion, kOpsetVersion))
      .text(model::kGraph, nodes_.bytes() + Message().text(graph::kName, name_).bytes() +
                               constants_.bytes() + inputs_.bytes() + outputs_.bytes());
  for (const auto& [key, text] : metadata)
    whole.message(model::kMetadata, Message().text(entry::kKey, key).text(entry::kValue, text));
  return whole.bytes();
}

}  // namespace gradus::ssgan
