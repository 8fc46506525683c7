#pragma once

#include <functional>
#include <vector>

#include "autograd/tape.h"

namespace gradus {

/// From the gradients of an operation's results, zeros where the loss reads one not at all, to
/// those of its inputs. What is said of BackwardRule holds.
using OutputsRule = std::function<void(const std::vector<Tensor>& dys, GradSink& grads)>;

/// Tape::record of an operation with several results, of any shapes and one dtype, f32 or f64, on
/// one device. They are parts of one node of the tape, and so copies of `values`. Throws Error for
/// no values, TypeError or DeviceError where they are not alike, and what Tape::record throws.
std::vector<Var> record_outputs(const char* operation, const std::vector<Var>& inputs,
                                const std::vector<Tensor>& values, OutputsRule backward);

}  // namespace gradus
