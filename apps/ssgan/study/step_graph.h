#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/ssgan/model/losses.h"

namespace gradus::ssgan {

/// The tape of one training step, folded for people: what a layer's call records is one box, and an
/// operation that alone reads a box's result is in that box.
struct StepGraph {
  struct Box {
    std::string name;  ///< "real.conv2", "d_real", or the operation's where it has no other
    std::string operations = {};   ///< "conv2d, leaky_relu"; empty for data
    Shape shape = {};              ///< of what it hands on
    std::vector<int> inputs = {};  ///< boxes, each once
    bool reaches_loss = false;
    bool for_d = false, for_g = false;  ///< runs backwards for that network's gradient
  };
  std::vector<Box> boxes;  ///< in the order in which they ran, data first

  /// Whether a parameter learns, and what keeps it from that.
  enum class Learns {
    yes,
    unread,    ///< no loss of its network depends on it
    absorbed,  ///< a bias that a batch norm subtracts again: its exact gradient is 0
  };
  std::map<std::string, Learns> parameters;  ///< "generator.dense.weight"
};

/// Of a step's tape, before any of it is freed.
StepGraph graph_of(const Pass& pass, Generator& generator, Discriminator& discriminator,
                   const ModelLoss& loss);

/// In the language of Graphviz. Boxes that reach no loss are grey; those that run backwards for d's
/// gradient are blue, for g's orange, for both violet.
std::string to_dot(const StepGraph& graph);
/// The same as an SVG file, without Graphviz.
std::string to_svg(const StepGraph& graph);

}  // namespace gradus::ssgan
