#include "nn/summary.h"

#include <algorithm>
#include <climits>

namespace gradus {
namespace {

/// Whether the losses depend on each node of the tape.
std::vector<char> ancestors(const Tape& tape, std::span<const Var> losses) {
  std::vector<char> reaches(static_cast<size_t>(tape.size()), 0);
  for (const Var& loss : losses) reaches[static_cast<size_t>(tape.node_of(loss))] = 1;
  for (int i = tape.size() - 1; i >= 0; --i)
    if (reaches[static_cast<size_t>(i)])
      for (const int in : tape.operation(i).inputs)
        if (in >= 0) reaches[static_cast<size_t>(in)] = 1;
  return reaches;
}

bool multiplies(const Tape::Operation& op) {
  const std::string name = op.name;
  return name == "conv2d" || name == "matmul" || name == "conv_transpose2d";
}

/// The node that applies a layer's parameters, the nodes `leaves`, to data; INT_MAX where none
/// does. What comes before, in the layer's scope, makes its weights of its parameters.
int node_of_use(const Tape& tape, const std::vector<int>& leaves) {
  std::vector<char> made(static_cast<size_t>(tape.size()), 0);  // of the parameters alone
  for (const int leaf : leaves) made[static_cast<size_t>(leaf)] = 1;
  int first = INT_MAX;
  for (int i = 0; i < tape.size(); ++i) {
    const Tape::Operation& op = tape.operation(i);
    const auto is_made = [&](int in) { return in >= 0 && made[static_cast<size_t>(in)]; };
    if (std::ranges::none_of(op.inputs, is_made)) continue;
    if (first == INT_MAX) first = i;
    if (op.scope != tape.operation(first).scope) return first;
    const auto is_data = [&](int in) { return in >= 0 && !is_made(in); };
    if (multiplies(op) || std::ranges::any_of(op.inputs, is_data)) return i;
    made[static_cast<size_t>(i)] = 1;
  }
  return first;
}

/// Each weight of a kernel or matrix is used once at each position of the output, or of a
/// transposed convolution's input.
int64_t multiply_adds(const Tape& tape, const Tape::Operation& op) {
  if (!multiplies(op)) return 0;
  const Shape positions =
      std::string(op.name) == "conv_transpose2d" ? tape.operation(op.inputs[0]).shape : op.shape;
  return positions.count() / positions[-1] * tape.operation(op.inputs[1]).shape.count();
}

struct Found {
  LayerSummary layer;
  std::vector<int> leaves = {};
  int node = INT_MAX;
};

}  // namespace

std::vector<LayerSummary> summarize(Module& module, const Pass& pass, std::span<const Var> losses) {
  require<TapeError>(pass.tape() != nullptr, "summarize: this pass records nothing");
  const Tape& tape = *pass.tape();
  const auto parameters = module.named_parameters();
  std::vector<int> leaves;  // of all, before the tape is looked at: a first use adds a leaf
  for (const auto& [name, p] : parameters) leaves.push_back(tape.node_of(pass.use(*p)));
  const std::vector<char> reaches = ancestors(tape, losses);
  std::vector<Found> found;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, p] = parameters[i];
    const std::string layer = name.substr(0, name.rfind('.'));
    if (found.empty() || found.back().layer.name != layer) found.emplace_back().layer.name = layer;
    Found& f = found.back();
    f.layer.parameters += p->value().count();
    f.layer.reaches_loss |= reaches[static_cast<size_t>(leaves[i])] != 0;
    f.leaves.push_back(leaves[i]);
  }
  for (Found& f : found) {
    f.node = node_of_use(tape, f.leaves);
    if (f.node == INT_MAX) continue;
    const Tape::Operation& op = tape.operation(f.node);
    f.layer.operation = op.name;
    f.layer.output = op.shape;
    f.layer.multiply_adds = multiply_adds(tape, op);
  }
  std::ranges::stable_sort(found, {}, &Found::node);
  std::vector<LayerSummary> layers;
  for (Found& f : found) layers.push_back(std::move(f.layer));
  return layers;
}

}  // namespace gradus
