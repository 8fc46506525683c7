#pragma once

#include "tensor/backend.h"

/// Convolutions in f32 on the CPU, each by the fastest of several algorithms (algorithms.h). The
/// contracts are those of Backend::conv, conv_grad_input and conv_grad_weight, with every extent
/// allowed to be 0.
///
/// Any host thread may call them; what they keep between calls is kept per thread. They use as many
/// OpenMP threads as omp_get_max_threads says at the call, and give the same bits for the same
/// number of threads, library and processor type. An activation that is no Rectifier is left out.
namespace gradus::cpu::convolution {

/// Whether the functions below take this geometry: every one without dilation and groups, and
/// those that oneDNN can be trusted with.
bool takes(const ConvParams& params, const Tensor& x, const Tensor& w, const Tensor& y);

void forward(const ConvParams& params, const Tensor& x, const Tensor& w, const Epilogue& epilogue,
             Tensor& y);
void grad_input(const ConvParams& params, const Tensor& w, const Tensor& dy,
                const Epilogue& epilogue, Tensor& dx);
void grad_weight(const ConvParams& params, const Tensor& x, const Tensor& dy, Tensor& dw);

}  // namespace gradus::cpu::convolution
