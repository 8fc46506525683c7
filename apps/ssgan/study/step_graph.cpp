#include "apps/ssgan/study/step_graph.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace gradus::ssgan {
namespace {

using NodeSet = std::vector<char>;  ///< of each node on a tape, whether it is among them

NodeSet ancestors(const Tape& tape, const Var& loss) {
  NodeSet found(static_cast<size_t>(tape.size()));
  if (!loss.tracked()) return found;
  const int last = tape.node_of(loss);
  found[last] = true;
  for (int i = last; i >= 0; --i)
    if (found[i])
      for (const int in : tape.operation(i).inputs)
        if (in >= 0) found[in] = true;
  return found;
}

NodeSet descendants(const Tape& tape, const std::set<int>& from) {
  NodeSet found(static_cast<size_t>(tape.size()));
  for (int i = 0; i < tape.size(); ++i)
    found[i] = from.contains(i) || std::ranges::any_of(tape.operation(i).inputs, [&](int in) {
                 return in >= 0 && found[in];
               });
  return found;
}

std::vector<int> readers(const Tape& tape, int node, const NodeSet& among) {
  std::vector<int> all;
  for (int i = node + 1; i < tape.size(); ++i)
    if (among[i] && std::ranges::count(tape.operation(i).inputs, node)) all.push_back(i);
  return all;
}

/// Whether a batch norm alone reads each convolution that reads the node, which is its bias.
bool is_absorbed(const Tape& tape, int node, const NodeSet& to_loss) {
  const auto convolutions = readers(tape, node, to_loss);
  return !convolutions.empty() && std::ranges::all_of(convolutions, [&](int c) {
    const std::string_view name = tape.operation(c).name;
    return name.starts_with("conv") &&
           std::ranges::all_of(readers(tape, c, to_loss), [&](int reader) {
             return std::string_view(tape.operation(reader).name) == "batch_norm";
           });
  });
}

/// Folds a tape into boxes.
class Folding {
 public:
  explicit Folding(const Tape& tape) : tape_(tape), box_of_(tape.size(), -1) {
    for (const char* data : {"images", "z"}) boxes_.push_back({.name = data});
    for (int i = 0; i < tape.size(); ++i) {
      const Tape::Operation& o = tape.operation(i);
      if (o.inputs.empty()) continue;
      box_of_[i] = box_for(i);
      outputs_.resize(boxes_.size(), -1);
      outputs_[box_of_[i]] = i;
      StepGraph::Box& box = boxes_[box_of_[i]];
      for (const int in : o.inputs) add_input(box_of_[i], in);
      const std::string operation = o.name;
      if (!box.operations.ends_with(operation))
        box.operations += (box.operations.empty() ? "" : ", ") + operation;
      box.shape = o.shape;
    }
  }

  std::vector<StepGraph::Box>& boxes() { return boxes_; }
  /// -1 for a leaf.
  int box_of(int node) const { return box_of_[node]; }

 private:
  int box_for(int node) {
    const Tape::Operation& o = tape_.operation(node);
    if (!o.scope.empty()) {
      const auto [it, is_new] = layers_.try_emplace(o.scope, boxes_.size());
      if (is_new) {
        boxes_.push_back({.name = o.scope});
        if (std::ranges::all_of(o.inputs, [&](int in) { return is_constant(in); }))
          boxes_.back().inputs.push_back(o.scope.starts_with("generator") ? 1 : 0);
      }
      return static_cast<int>(it->second);
    }
    std::vector<int> read;
    for (const int in : o.inputs)
      if (!is_constant(in)) read.push_back(in);
    if (read.size() == 1 && outputs_[box_of_[read[0]]] == read[0] &&
        readers(tape_, read[0], NodeSet(static_cast<size_t>(tape_.size()), true)).size() == 1)
      return box_of_[read[0]];
    boxes_.push_back({.name = o.name});
    return static_cast<int>(boxes_.size()) - 1;
  }

  bool is_constant(int input) const { return input < 0 || box_of_[input] < 0; }

  void add_input(int box, int node) {
    if (is_constant(node) || box_of_[node] == box) return;
    std::vector<int>& inputs = boxes_[box].inputs;
    if (!std::ranges::count(inputs, box_of_[node])) inputs.push_back(box_of_[node]);
  }

  const Tape& tape_;
  std::vector<int> box_of_, outputs_;
  std::map<std::string, size_t> layers_;
  std::vector<StepGraph::Box> boxes_;
};

}  // namespace

StepGraph graph_of(const Pass& pass, Generator& generator, Discriminator& discriminator,
                   const ModelLoss& loss) {
  const Tape& tape = *pass.tape();
  // A parameter that nothing has read comes to the tape by being asked for.
  std::map<std::string, int> d_leaves, g_leaves;
  for (const auto& [name, p] : discriminator.named_parameters())
    d_leaves["discriminator." + name] = tape.node_of(pass.use(*p));
  if (loss.g.defined())
    for (const auto& [name, p] : generator.named_parameters())
      g_leaves["generator." + name] = tape.node_of(pass.use(*p));

  StepGraph graph;
  const NodeSet to_d = ancestors(tape, loss.d), to_g = ancestors(tape, loss.g);
  NodeSet from_d, from_g;
  for (const auto& [leaves, to_loss, from] :
       {std::tuple{&d_leaves, &to_d, &from_d}, std::tuple{&g_leaves, &to_g, &from_g}}) {
    std::set<int> nodes;
    for (const auto& [name, node] : *leaves) {
      nodes.insert(node);
      graph.parameters[name] = !(*to_loss)[node] ? StepGraph::Learns::unread
                               : name.ends_with(".bias") && is_absorbed(tape, node, *to_loss)
                                   ? StepGraph::Learns::absorbed
                                   : StepGraph::Learns::yes;
    }
    *from = descendants(tape, nodes);
  }

  Folding folding(tape);
  for (const auto& [name, v] : {std::pair{"d_real", &loss.d_real},
                                {"d_fake", &loss.d_fake},
                                {"d_class", &loss.d_class},
                                {"d", &loss.d},
                                {"g", &loss.g}})
    if (v->tracked()) folding.boxes()[folding.box_of(tape.node_of(*v))].name = name;
  for (int i = 0; i < tape.size(); ++i) {
    if (folding.box_of(i) < 0) continue;
    StepGraph::Box& box = folding.boxes()[folding.box_of(i)];
    box.reaches_loss |= to_d[i] || to_g[i];
    box.for_d |= to_d[i] && from_d[i];
    box.for_g |= to_g[i] && from_g[i];
  }
  graph.boxes = std::move(folding.boxes());
  for (const StepGraph::Box& box : graph.boxes)  // data reach a loss where their reader does
    for (const int in : box.inputs)
      if (in < 2) graph.boxes[in].reaches_loss |= box.reaches_loss;
  return graph;
}

}  // namespace gradus::ssgan
