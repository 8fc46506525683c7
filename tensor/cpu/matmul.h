#pragma once

#include <string>

#include "tensor/tensor.h"

/// Matrix products of oneDNN 2.6 or 3, in f32 on the CPU. Any host thread may call them. They use
/// as many OpenMP threads as omp_get_max_threads says at the call, and give the same bits for the
/// same number of threads, library and processor type. They throw Error where the library fails.
namespace gradus::cpu {

/// Throws DeviceError unless `bytes` can be had, and some for oneDNN's code and descriptions: where
/// those fail while it makes a kernel, it crashes (2.6.3).
void require_memory_for_onednn(size_t bytes);

/// The contract is that of Backend::matmul, with every extent allowed to be 0.
void matmul(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b, Tensor& c);

/// c [M, N] = op(a) [M, K] op(b) [K, N] + beta * c, row-major and dense, op a transpose where
/// asked; every extent at least 1.
void sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
           const float* b, float beta, float* c);

/// The version of the library in use, "2.6.3".
std::string onednn_version();

}  // namespace gradus::cpu
