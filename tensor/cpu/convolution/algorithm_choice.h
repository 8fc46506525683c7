#pragma once

#include "tensor/cpu/convolution/geometry.h"

namespace gradus::cpu::convolution {

/// Those of algorithms.h (few_channels for grad_input alone).
enum class Algorithm { direct, winograd, few_channels, onednn, im2col };

/// The fastest algorithm for each of a convolution's three kernels; what was measured stands in
/// algorithm_choice.cpp.
Algorithm forward_algorithm(const Geometry& g);
Algorithm grad_input_algorithm(const Geometry& g);
Algorithm grad_weight_algorithm(const Geometry& g);

}  // namespace gradus::cpu::convolution
