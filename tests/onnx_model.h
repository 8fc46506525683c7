#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/values.h"

namespace gradus {

/// What a program that knows nothing of Gradus reads in an ONNX file: its graph, and what that
/// computes by plain loops in f64.
class OnnxModel {
 public:
  explicit OnnxModel(std::string_view file);

  struct Node {
    std::string op;
    std::vector<std::string> inputs;
    std::string output;
    std::map<std::string, std::vector<int64_t>> ints;  ///< one of an attribute that is no list
    std::map<std::string, float> floats;
  };
  struct Port {
    std::string name;
    int type = 0;                   ///< 1 f32, 2 u8
    std::vector<std::string> dims;  ///< numbers, or a name where they are free
  };

  int64_t ir_version = 0, opset = 0;
  std::map<std::string, std::string> metadata;
  std::vector<Node> nodes;
  std::vector<Port> inputs, outputs;
  std::map<std::string, Array> constants;

  /// Every value, by name. Throws for an operator that it does not know.
  std::map<std::string, Array> run(const Array& input) const;
};

}  // namespace gradus
