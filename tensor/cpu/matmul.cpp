#include "tensor/cpu/matmul.h"

#include <dnnl.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "tensor/backend.h"
#include "tensor/cpu/subnormals.h"

namespace gradus::cpu {

void require_memory_for_onednn(size_t bytes) {
  const size_t all = bytes + (size_t{16} << 20);
  void* p = ::mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  require<DeviceError>(p != MAP_FAILED, "cpu: out of memory: {} bytes for oneDNN", all);
  ::munmap(p, all);
}

void sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
           const float* b, float beta, float* c) {
  const FloatControlOfAll as_here;
  // oneDNN makes its code in the first call of a kind.
  static std::array<std::atomic<bool>, 8> made;
  std::atomic<bool>& is_made = made[transpose_a + 2 * transpose_b + 4 * (beta != 0)];
  if (!is_made) require_memory_for_onednn(0);
  const dnnl_status_t status =
      dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1, a,
                 transpose_a ? m : k, b, transpose_b ? k : n, beta, c, n);
  require<DeviceError>(status != dnnl_out_of_memory, "cpu: out of memory in a product of matrices");
  require<Error>(status == dnnl_success,
                 "oneDNN {}: sgemm of [{}, {}] x [{}, {}] failed, status {}", onednn_version(), m,
                 k, k, n, static_cast<int>(status));
  is_made = true;
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
