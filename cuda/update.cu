#include <algorithm>
#include <utility>

#include "cuda/kernels.h"
#include "cuda/launch.h"

namespace gradus::cuda {
namespace {

constexpr int kSlots = 64;        // of one launch: their table is a kernel's argument
constexpr int64_t kChunk = 1024;  // elements of a block

template <class F, class T>
struct Slots {
  struct Slot {
    F f;
    const double* lr;
    const int32_t* t;
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
__global__ void update_kernel(const __grid_constant__ Slots<F, T> table) {
  int i = 0;
  while (i + 1 < table.used && table.slots[i + 1].first_block <= blockIdx.x) ++i;
  const auto& s = table.slots[i];
  alignas(double) __shared__ unsigned char bytes[sizeof(typename F::Scalars)];
  auto* scalars = reinterpret_cast<typename F::Scalars*>(bytes);
  if (threadIdx.x == 0) *scalars = s.f.scalars(s.lr ? *s.lr : 0, s.t ? *s.t : 0);
  __syncthreads();

  const int64_t begin = (blockIdx.x - s.first_block) * kChunk;
  const int64_t end = begin + kChunk < s.count ? begin + kChunk : s.count;
  for (int64_t at = begin + threadIdx.x; at < end; at += kThreads) {
    T w = s.w[at], m = s.m ? s.m[at] : T(0), v = s.v ? s.v[at] : T(0);
    s.f.step(*scalars, w, s.g[at], m, v);
    s.w[at] = w;
    if (s.m) s.m[at] = m;
    if (s.v) s.v[at] = v;
  }
}

}  // namespace

bool Kernels::Update::changes_or_adds(const void* memory) const {
  return value == memory || m == memory || v == memory || of.grad.raw() == memory;
}

bool Kernels::Update::uses(const void* memory) const {
  const auto is_at = [&](const Tensor& x) { return x.defined() && x.raw() == memory; };
  return changes_or_adds(memory) || is_at(lr) || is_at(t);
}

void Kernels::update(const UpdateFn& fn, const Tensor& lr, const Tensor& t,
                     std::span<UpdateSlot> slots) {
  if (must_launch_waiting_) launch_waiting();
  must_launch_work_ = must_launch_updates_ = false;
  const auto must_follow = [&](const Update& before) {
    return before.fn.index() != fn.index() ||
           std::any_of(slots.begin(), slots.end(), [&](const UpdateSlot& s) {
             const auto is_used = [&](const Tensor& x) {
               return x.defined() && before.changes_or_adds(x.raw());
             };
             return before.of.value.dtype() != s.value.dtype() || is_used(s.value) ||
                    is_used(s.grad) || is_used(s.m) || is_used(s.v);
           });
  };
  if (std::any_of(updates_.begin(), updates_.end(), must_follow)) launch_updates();
  const auto pointer = [](Tensor& x) { return x.defined() ? x.mutable_raw() : nullptr; };
  for (UpdateSlot& s : slots)
    if (s.value.count() > 0)
      updates_.push_back({fn, lr, t, s, pointer(s.value), pointer(s.m), pointer(s.v)});
  if (!postpones_) launch_updates();
}

void Kernels::launch_updates() {
  must_launch_updates_ = false;
  if (updates_.empty()) return;
  launch_work();
  const std::vector<Update> updates = std::exchange(updates_, {});
  std::visit(
      [&]<class F>(const F&) {
        visit_float(updates[0].of.value.dtype(), [&]<class T>(T) {
          Slots<F, T> table;
          const auto launch_table = [&] {
            if (table.used)
              launch("update_kernel", stream_, dim3(static_cast<unsigned>(table.blocks)),
                     dim3(kThreads), update_kernel<F, T>, table);
            table = {};
          };
          for (const Update& u : updates) {
            const int64_t count = u.of.value.count();
            table.slots[table.used++] = {std::get<F>(u.fn),
                                         u.lr.defined() ? u.lr.data<double>() : nullptr,
                                         u.t.defined() ? u.t.data<int32_t>() : nullptr,
                                         static_cast<T*>(u.value),
                                         static_cast<T*>(u.m),
                                         static_cast<T*>(u.v),
                                         u.of.grad.data<T>(),
                                         count,
                                         table.blocks};
            table.blocks += (count + kChunk - 1) / kChunk;
            if (table.used == kSlots) launch_table();
          }
          launch_table();
        });
      },
      updates[0].fn);
}

}  // namespace gradus::cuda
