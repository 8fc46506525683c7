#pragma once

#include "tensor/cpu/convolution/geometry.h"

namespace gradus::cpu::convolution {

/// The ways of methods.h (narrow for grad_input alone).
enum class Way { direct, winograd, narrow, library, patches };

/// The fastest way for each of a convolution's three kernels; what was measured stands in rule.cpp.
Way way_forward(const Geometry& g);
Way way_grad_input(const Geometry& g);
Way way_grad_weight(const Geometry& g);

}  // namespace gradus::cpu::convolution
