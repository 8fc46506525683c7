#include "nn/summary.h"

#include <algorithm>
#include <climits>

namespace gradus {
namespace {

/// Whether the losses depend on each place of the tape.
std::vector<char> ancestors(const Tape& tape, std::span<const Var> losses) {
  std::vector<char> reaches(static_cast<size_t>(tape.size()), 0);
  for (const Var& loss : losses) reaches[static_cast<size_t>(tape.place(loss))] = 1;
  for (int i = tape.size() - 1; i >= 0; --i)
    if (reaches[static_cast<size_t>(i)])
      for (const int in : tape.operation(i).inputs)
        if (in >= 0) reaches[static_cast<size_t>(in)] = 1;
  return reaches;
}

/// The place of the first operation that reads `leaf`; INT_MAX where none does.
int first_use(const Tape& tape, int leaf) {
  for (int i = leaf + 1; i < tape.size(); ++i)
    if (std::ranges::count(tape.operation(i).inputs, leaf) > 0) return i;
  return INT_MAX;
}

/// Each weight of a kernel or matrix is used once at each position of the output, or of a
/// transposed convolution's input.
int64_t multiply_adds(const Tape& tape, const Tape::Operation& op) {
  const std::string name = op.name;
  if (name != "conv2d" && name != "matmul" && name != "conv_transpose2d") return 0;
  const Shape positions =
      name == "conv_transpose2d" ? tape.operation(op.inputs[0]).shape : op.shape;
  return positions.count() / positions[-1] * tape.operation(op.inputs[1]).shape.count();
}

struct Found {
  LayerSummary layer;
  int place = INT_MAX;
};

}  // namespace

std::vector<LayerSummary> summarize(Module& module, const Pass& pass, std::span<const Var> losses) {
  require<TapeError>(pass.tape() != nullptr, "summarize: this pass records nothing");
  const Tape& tape = *pass.tape();
  const auto parameters = module.named_parameters();
  std::vector<int> leaves;  // of all, before the tape is looked at: a first use adds a leaf
  for (const auto& [name, p] : parameters) leaves.push_back(tape.place(pass.use(*p)));
  const std::vector<char> reaches = ancestors(tape, losses);
  std::vector<Found> found;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& [name, p] = parameters[i];
    const std::string layer = name.substr(0, name.rfind('.'));
    if (found.empty() || found.back().layer.name != layer) found.emplace_back().layer.name = layer;
    Found& f = found.back();
    f.layer.parameters += p->value().count();
    f.layer.reaches_loss |= reaches[static_cast<size_t>(leaves[i])] != 0;
    const int use = first_use(tape, leaves[i]);
    if (use >= f.place) continue;
    const Tape::Operation& op = tape.operation(use);
    f.place = use;
    f.layer.operation = op.name;
    f.layer.output = op.shape;
    f.layer.multiply_adds = multiply_adds(tape, op);
  }
  std::ranges::stable_sort(found, {}, &Found::place);
  std::vector<LayerSummary> layers;
  for (Found& f : found) layers.push_back(std::move(f.layer));
  return layers;
}

}  // namespace gradus
