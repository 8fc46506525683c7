#include "cuda/kernels.h"
#include "cuda/launch.h"

namespace gradus::cuda {
namespace {

constexpr int kSlots = 64;        // of one launch: their table is a kernel's argument, at most 4 KB
constexpr int64_t kChunk = 1024;  // elements of a block

template <class T>
struct Slots {
  struct Slot {
    T *w, *m, *v;
    const T* g;
    int64_t count;
    int64_t first_block;
  };
  int used = 0;
  int64_t blocks = 0;
  Slot slots[kSlots];
};

/// A block a chunk of one slot.
template <class F, class T>
__global__ void update_kernel(F f, const double* lr, const int32_t* t,
                              const __grid_constant__ Slots<T> table) {
  alignas(double) __shared__ unsigned char bytes[sizeof(typename F::Scalars)];
  auto* scalars = reinterpret_cast<typename F::Scalars*>(bytes);
  if (threadIdx.x == 0) *scalars = f.scalars(lr ? *lr : 0, t ? *t : 0);
  __syncthreads();

  int i = 0;
  while (i + 1 < table.used && table.slots[i + 1].first_block <= blockIdx.x) ++i;
  const auto& s = table.slots[i];
  const int64_t begin = (blockIdx.x - s.first_block) * kChunk;
  const int64_t end = begin + kChunk < s.count ? begin + kChunk : s.count;
  for (int64_t at = begin + threadIdx.x; at < end; at += kThreads) {
    T w = s.w[at], m = s.m ? s.m[at] : T(0), v = s.v ? s.v[at] : T(0);
    f.step(*scalars, w, s.g[at], m, v);
    s.w[at] = w;
    if (s.m) s.m[at] = m;
    if (s.v) s.v[at] = v;
  }
}

}  // namespace

void Kernels::update(const UpdateFn& fn, const Tensor& lr, const Tensor& t,
                     std::span<UpdateSlot> slots) {
  if (slots.empty()) return;
  std::visit(
      [&](auto f) {
        visit_float(slots[0].value.dtype(), [&]<class T>(T) {
          Slots<T> table;
          const auto launch_table = [&] {
            if (table.used)
              launch("update_kernel", stream(), dim3(static_cast<unsigned>(table.blocks)),
                     dim3(kThreads), update_kernel<decltype(f), T>, f,
                     lr.defined() ? lr.data<double>() : nullptr,
                     t.defined() ? t.data<int32_t>() : nullptr, table);
            table = {};
          };
          const auto pointer = [](Tensor& x) {
            return x.defined() ? x.mutable_data<T>() : nullptr;
          };
          for (UpdateSlot& s : slots) {
            if (s.value.count() == 0) continue;
            table.slots[table.used++] = {s.value.mutable_data<T>(), pointer(s.m),    pointer(s.v),
                                         s.grad.data<T>(),          s.value.count(), table.blocks};
            table.blocks += (s.value.count() + kChunk - 1) / kChunk;
            if (table.used == kSlots) launch_table();
          }
          launch_table();
        });
      },
      fn);
}

}  // namespace gradus::cuda
