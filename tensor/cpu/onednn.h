#pragma once

#include <string>

#include "tensor/backend.h"

/// The f32 kernels that are worth a library: matrix products and convolutions through oneDNN 2.6 or
/// 3. The contracts are those of Backend::matmul, conv, conv_grad_input and conv_grad_weight, for
/// f32 tensors on the CPU, with every extent allowed to be 0, and of convolutions those that
/// `takes` accepts.
///
/// Any host thread may call them; what they keep between calls is kept per thread. They use as many
/// OpenMP threads as omp_get_max_threads says at the call, and give the same bits for the same
/// number of threads, library and processor type.
namespace gradus::onednn {

/// Whether the convolutions here take this one, x [N, H, W, C] to y [N, P, Q, K]: all without
/// dilation and groups, most with them.
bool takes(const ConvParams& params, const Tensor& x, const Tensor& w, const Tensor& y);
void conv(const ConvParams& params, const Tensor& x, const Tensor& w, const Tensor& bias,
          Tensor& y);
void conv_grad_input(const ConvParams& params, const Tensor& w, const Tensor& dy,
                     const Tensor& bias, Tensor& dx);
void conv_grad_weight(const ConvParams& params, const Tensor& x, const Tensor& dy, Tensor& dw);
void matmul(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b, Tensor& c);

/// The version of the library in use, "2.6.3".
std::string version();

}  // namespace gradus::onednn
