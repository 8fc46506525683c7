#include <algorithm>
#include <array>

#include "tensor/cpu/cpu.h"
#include "tensor/cpu/fast_math.h"
#include "tensor/cpu/parallel.h"

namespace gradus::cpu {
namespace {

/// Elements computed at a time: whole vectors, whatever the processor's. Rests are padded, so every
/// element comes from the same code wherever it stands.
constexpr int64_t kBlock = 64;
using Block = std::array<float, kBlock>;

Block padded(const float* x, int64_t n) {
  Block block{};
  std::copy_n(x, n, block.begin());
  return block;
}

/// out[i] = fn(in[i]...).
template <class Fn, class... In>
void map(int64_t n, const Fn& fn, float* out, const In*... in) {
  parallel_for(n, kGrain, [=](int64_t begin, int64_t end) {
    const auto compute = [fn](float* y, const In*... x) {
#pragma omp simd
      for (int64_t j = 0; j < kBlock; ++j) y[j] = static_cast<float>(fn(FastFloat(x[j])...));
    };
    for (; begin + kBlock <= end; begin += kBlock) compute(out + begin, in + begin...);
    if (begin == end) return;
    Block rest;
    compute(rest.data(), padded(in + begin, end - begin).data()...);
    std::copy_n(rest.begin(), end - begin, out + begin);
  });
}

}  // namespace

void Cpu::unary(const UnaryFn& fn, const Tensor& x, Tensor& y) {
  if (x.dtype() != DType::f32) return Reference::unary(fn, x, y);
  std::visit(
      [&](auto f) {
        const auto value = [f](FastFloat at) { return f.f(at); };
        map(x.count(), value, y.mutable_data<float>(), x.data<float>());
      },
      fn);
}

void Cpu::unary_backward(const UnaryFn& fn, const Tensor& x, const Tensor& y, const Tensor& dy,
                         Tensor& dx) {
  if (dy.dtype() != DType::f32) return Reference::unary_backward(fn, x, y, dy, dx);
  const float* g = dy.data<float>();
  const float* in = x.defined() ? x.data<float>() : g;
  const float* out = y.defined() ? y.data<float>() : g;
  std::visit(
      [&](auto f) {
        const auto product = [f](FastFloat of, FastFloat at, FastFloat value) {
          return of * f.df(at, value);
        };
        map(dy.count(), product, dx.mutable_data<float>(), g, in, out);
      },
      fn);
}

}  // namespace gradus::cpu
