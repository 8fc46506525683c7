#include "tensor/cpu/onednn.h"

#include <dnnl.h>

#include <algorithm>

#include "tensor/cpu/onednn_conv.h"
#include "tensor/cpu/parallel.h"

namespace gradus::onednn {
namespace {

Geometry geometry(const ConvParams& params, const Tensor& x, const Tensor& w, const Tensor& y) {
  const Shape& xs = x.shape();
  const Shape& ws = w.shape();
  const Shape& ys = y.shape();
  return {xs[0],
          xs[1],
          xs[2],
          xs[3],
          ws[0],
          ws[1],
          ws[2],
          ys[1],
          ys[2],
          params.stride_h,
          params.stride_w,
          params.pad_top,
          params.pad_left,
          params.dilation_h,
          params.dilation_w,
          params.groups};
}

const float* data_or_null(const Tensor& t) { return t.defined() ? t.data<float>() : nullptr; }

/// oneDNN 2.6's direct kernels are slow for a few output pixels. Measured for 3 x 3 kernels, 128
/// channels and 2 x 2 pixels, AVX-512 and AVX2: products of patches are 1.3 to 1.4 times as fast,
/// 2.2 times for grad_weight.
bool few_pixels(const Geometry& g) { return g.p * g.q <= 4; }

/// Its grad_input fills vectors with channels of dx: with a few, most lanes idle. Measured with
/// AVX-512: products of patches are 3 times as fast with 3 channels, 1.5 times with 8, slower with
/// 16; with AVX2 twice, about equal, slower.
bool few_channels(const Geometry& g) { return g.c <= 8; }

/// Whether to leave oneDNN's direct convolutions.
bool by_patches(const Geometry& g) { return g.is_plain() && (!direct::takes(g) || few_pixels(g)); }

/// x [rows, width] += row, or = row.
void broadcast_row(const float* row, int64_t rows, int64_t width, bool add, float* x) {
  cpu::parallel_for(rows, cpu::kGrain / width + 1, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* xi = x + i * width;
      for (int64_t j = 0; j < width; ++j) xi[j] = add ? xi[j] + row[j] : row[j];
    }
  });
}

/// x [..., C] += bias, or = bias, or = 0 without one.
void broadcast_bias(const Tensor& bias, bool add, Tensor& x) {
  if (!bias.defined()) {
    if (!add) std::fill_n(x.data<float>(), x.count(), 0.f);
    return;
  }
  // Whole image rows at a time, so that three channels vectorise too.
  const int64_t c = bias.count(), width = x.shape()[-2] * c;
  const Tensor row({width}, DType::f32);
  for (int64_t i = 0; i < width; ++i) row.data<float>()[i] = bias.data<float>()[i % c];
  broadcast_row(row.data<float>(), x.count() / width, width, add, x.data<float>());
}

}  // namespace

bool takes(const ConvParams& params, const Tensor& x, const Tensor& w, const Tensor& y) {
  const Geometry g = geometry(params, x, w, y);
  return g.is_plain() || direct::takes(g);
}

void conv(const ConvParams& params, const Tensor& x, const Tensor& w, const Tensor& bias,
          Tensor& y) {
  if (y.count() == 0) return;
  if (x.count() == 0 || w.count() == 0) return broadcast_bias(bias, false, y);
  const Geometry g = geometry(params, x, w, y);
  const auto forward = by_patches(g) ? patches::forward : direct::forward;
  forward(g, x.data<float>(), w.data<float>(), data_or_null(bias), y.data<float>());
}

void conv_grad_input(const ConvParams& params, const Tensor& w, const Tensor& dy,
                     const Tensor& bias, Tensor& dx) {
  if (dx.count() == 0) return;
  if (dy.count() == 0 || w.count() == 0) return broadcast_bias(bias, false, dx);
  const Geometry g = geometry(params, dx, w, dy);
  if (by_patches(g) || (g.is_plain() && few_channels(g))) {
    patches::grad_input(g, w.data<float>(), dy.data<float>(), data_or_null(bias), dx.data<float>());
  } else {
    direct::grad_input(g, w.data<float>(), dy.data<float>(), dx.data<float>());
    broadcast_bias(bias, true, dx);
  }
}

void conv_grad_weight(const ConvParams& params, const Tensor& x, const Tensor& dy, Tensor& dw) {
  if (dw.count() == 0) return;
  if (x.count() == 0 || dy.count() == 0) return broadcast_bias({}, false, dw);
  const Geometry g = geometry(params, x, dw, dy);
  const auto grad_weight = by_patches(g) ? patches::grad_weight : direct::grad_weight;
  grad_weight(g, x.data<float>(), dy.data<float>(), dw.data<float>());
}

void sgemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
           const float* b, float beta, float* c) {
  const dnnl_status_t status =
      dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1, a,
                 transpose_a ? m : k, b, transpose_b ? k : n, beta, c, n);
  require<Error>(status == dnnl_success,
                 "oneDNN {}: sgemm of [{}, {}] x [{}, {}] failed, status {}", version(), m, k, k, n,
                 static_cast<int>(status));
}

void matmul(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b, Tensor& c) {
  const int64_t m = c.shape()[0], n = c.shape()[1], k = a.shape()[transpose_a ? 0 : 1];
  if (c.count() == 0) return;
  if (k == 0) return broadcast_bias({}, false, c);
  sgemm(transpose_a, transpose_b, m, n, k, a.data<float>(), b.data<float>(), 0, c.data<float>());
}

std::string version() {
  const dnnl_version_t* v = dnnl_version();
  return fmt::format("{}.{}.{}", v->major, v->minor, v->patch);
}

}  // namespace gradus::onednn
