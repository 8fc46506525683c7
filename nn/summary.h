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
  std::string operation;      ///< that applies its parameters to data; empty where none does
  Shape output;               ///< [N, ...], of that operation
  int64_t parameters = 0;     ///< numbers in all its parameters
  int64_t multiply_adds = 0;  ///< of that operation: convolutions, transposed ones, products
  bool reaches_loss = false;  ///< whether a loss depends on any of them
};

/// The layers of `module` in the order in which a recorded pass first used them. Throws TapeError
/// in a pass without a tape, and where a loss, the input of a transposed convolution or the weight
/// of a convolution or product is not on it.
[[nodiscard]] std::vector<LayerSummary> summarize(Module& module, const Pass& pass,
                                                  std::span<const Var> losses);

}  // namespace gradus
