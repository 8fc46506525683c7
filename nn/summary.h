#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nn/module.h"
#include "nn/pass.h"

namespace gradus {

/// What a pass's tape says of one layer: the part of a module that holds parameters of its own.
struct LayerSummary {
  std::string name;           ///< "conv1"
  std::string operation;      ///< the first that reads its parameters; empty where none does
  Shape output;               ///< of that operation, with the batch's axis
  int64_t parameters = 0;     ///< numbers in all its parameters
  int64_t multiply_adds = 0;  ///< of that operation: convolutions, transposed ones, products
  bool reaches_loss = false;  ///< whether a loss depends on any of them
};

/// The layers of `module` in the order in which a recorded pass first used them. The inputs of
/// transposed convolutions must be on the tape. Throws TapeError in a pass without one.
std::vector<LayerSummary> summarize(Module& module, const Pass& pass, std::span<const Var> losses);

}  // namespace gradus
