#include "tensor/cpu/matmul.h"

#include <dnnl.h>

#include <algorithm>

#include "tensor/backend.h"
#include "tensor/cpu/subnormals.h"

namespace gradus::cpu {

void sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
           const float* b, float beta, float* c) {
  const FloatControlOfAll as_here;
  const dnnl_status_t status =
      dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1, a,
                 transpose_a ? m : k, b, transpose_b ? k : n, beta, c, n);
  require<DeviceError>(status != dnnl_out_of_memory, "cpu: out of memory in a product of matrices");
  require<Error>(status == dnnl_success,
                 "oneDNN {}: sgemm of [{}, {}] x [{}, {}] failed, status {}", onednn_version(), m,
                 k, k, n, static_cast<int>(status));
}

void matmul(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b, Tensor& c) {
  const MatrixBatch p(transpose_a, a, b, c);
  if (c.count() == 0) return;
  if (p.k == 0) {
    std::fill_n(c.mutable_data<float>(), c.count(), 0.f);
    return;
  }
  float* const out = c.mutable_data<float>();
  for (int64_t i = 0; i < p.count; ++i)
    sgemm(transpose_a, transpose_b, p.m, p.n, p.k, a.data<float>() + i * p.step_a,
          b.data<float>() + i * p.step_b, 0, out + i * p.m * p.n);
}

std::string onednn_version() {
  const dnnl_version_t* v = dnnl_version();
  return fmt::format("{}.{}.{}", v->major, v->minor, v->patch);
}

}  // namespace gradus::cpu
