#include <omp.h>

#include <algorithm>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <tuple>
#include <unordered_map>

#include "tensor/cpu/convolution/algorithms.h"
#include "tensor/cpu/matmul.h"
#include "tensor/cpu/parallel.h"

namespace gradus::cpu::convolution::onednn {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

/// A primitive's descriptor from its arguments and, for a gradient, the forward descriptor as a
/// hint. oneDNN 3 merged operation descriptors into it; nothing else here depends on the version.
template <class Primitive, class Args, class... Hint>
auto describe(const Args& args, const Hint&... hint) {
  return std::apply(
      [&](const auto&... arg) {
        if constexpr (DNNL_VERSION_MAJOR >= 3)
          return typename Primitive::primitive_desc(engine(), arg..., hint...);
        else
          return typename Primitive::primitive_desc(typename Primitive::desc(arg...), engine(),
                                                    hint...);
      },
      args);
}

template <class Primitive>
Primitive make(const typename Primitive::primitive_desc& description) {
  require_memory_for_onednn(
      static_cast<size_t>(description.query_s64(dnnl::query::memory_consumption_s64)));
  return Primitive(description);
}

enum class Pass { forward, grad_input, grad_weight };

struct Key {
  Pass pass;
  bool bias;
  int threads;  ///< a primitive divides its work when it is created
  Geometry geometry;
  auto operator<=>(const Key&) const = default;
};

/// A convolution ready to run on buffers given at each call.
class Plan {
 public:
  explicit Plan(const Key& key);

  /// x, y, bias as in conv, or their gradients; w is read, or written by grad_weight.
  void run(const float* x, const float* w, const float* bias, const float* y);

 private:
  static memory unbound(const memory::desc& desc) { return {desc, engine(), DNNL_MEMORY_NONE}; }

  Pass pass_;
  dnnl::primitive primitive_;
  dnnl::reorder reorder_;  ///< between plain_ and weights_; undefined where they are one layout
  memory x_, plain_, weights_, bias_, y_;
  std::unordered_map<int, memory> args_;
  dnnl::stream stream_{engine()};
};

Plan::Plan(const Key& key) : pass_(key.pass) {
  const Geometry& g = key.geometry;
  const auto f32 = memory::data_type::f32;
  const auto direct = dnnl::algorithm::convolution_direct;
  const memory::desc x({g.n, g.c, g.h, g.w}, f32, Tag::nhwc);
  const memory::desc y({g.n, g.k, g.p, g.q}, f32, Tag::nhwc);
  const memory::dims filters =
      g.groups == 1 ? memory::dims{g.k, g.c, g.r, g.s}
                    : memory::dims{g.groups, g.k / g.groups, g.c / g.groups, g.r, g.s};
  const memory::desc w(filters, f32, Tag::any);
  const memory::desc plain(filters, f32, g.groups == 1 ? Tag::ohwi : Tag::gohwi);
  const memory::desc bias = key.bias ? memory::desc({g.k}, f32, Tag::a) : memory::desc();
  const memory::dims strides{g.stride_h, g.stride_w};
  const memory::dims gaps{g.dilation_h - 1, g.dilation_w - 1};
  const memory::dims front{g.pad_top, g.pad_left};
  // The library rounds the number of outputs down, so unread input needs no negative padding.
  const memory::dims back{std::max<int64_t>(0, g.pad_bottom()),
                          std::max<int64_t>(0, g.pad_right())};

  require_memory_for_onednn(0);
  const auto forward = describe<dnnl::convolution_forward>(std::tuple(
      dnnl::prop_kind::forward_training, direct, x, w, bias, y, strides, gaps, front, back));
  const std::tuple gradient(direct, x, w, y, strides, gaps, front, back);
  x_ = unbound(x);
  y_ = unbound(y);
  plain_ = unbound(plain);
  if (pass_ == Pass::forward) {
    primitive_ = make<dnnl::convolution_forward>(forward);
    weights_ = unbound(forward.weights_desc());
    args_ = {{DNNL_ARG_SRC, x_}, {DNNL_ARG_WEIGHTS, weights_}, {DNNL_ARG_DST, y_}};
    if (key.bias) args_[DNNL_ARG_BIAS] = bias_ = unbound(bias);
  } else if (pass_ == Pass::grad_input) {
    const auto pd = describe<dnnl::convolution_backward_data>(gradient, forward);
    primitive_ = make<dnnl::convolution_backward_data>(pd);
    weights_ = unbound(pd.weights_desc());
    args_ = {{DNNL_ARG_DIFF_SRC, x_}, {DNNL_ARG_WEIGHTS, weights_}, {DNNL_ARG_DIFF_DST, y_}};
  } else {
    const auto pd = describe<dnnl::convolution_backward_weights>(gradient, forward);
    primitive_ = make<dnnl::convolution_backward_weights>(pd);
    weights_ = unbound(pd.diff_weights_desc());
    args_ = {{DNNL_ARG_SRC, x_}, {DNNL_ARG_DIFF_WEIGHTS, weights_}, {DNNL_ARG_DIFF_DST, y_}};
  }
  if (weights_.get_desc() != plain)
    reorder_ = pass_ == Pass::grad_weight ? dnnl::reorder(weights_, plain_)
                                          : dnnl::reorder(plain_, weights_);
}

void Plan::run(const float* x, const float* w, const float* bias, const float* y) {
  const auto bind = [](memory& m, const float* p) { m.set_data_handle(const_cast<float*>(p)); };
  bind(x_, x);
  bind(y_, y);
  if (bias) bind(bias_, bias);
  if (!reorder_) {
    bind(weights_, w);
    primitive_.execute(stream_, args_);
    stream_.wait();
    return;
  }
  const auto bytes = static_cast<int64_t>(weights_.get_desc().get_size());
  Tensor scratch({bytes}, DType::u8);
  bind(weights_, static_cast<float*>(scratch.mutable_raw()));
  bind(plain_, w);
  if (pass_ == Pass::grad_weight) {
    primitive_.execute(stream_, args_);
    reorder_.execute(stream_, weights_, plain_);
  } else {
    reorder_.execute(stream_, plain_, weights_);
    primitive_.execute(stream_, args_);
  }
  stream_.wait();
}

/// Runs the plan for these numbers, made where it is new.
void run(Pass pass, const Geometry& g, const float* x, const float* w, const float* bias,
         const float* y) {
  constexpr size_t kMaxPlans = 1024;  // a training run needs some dozens
  thread_local std::map<Key, Plan> plans;
  const Key key{pass, bias != nullptr, omp_in_parallel() ? 1 : omp_get_max_threads(), g};
  const FloatControlOfAll as_here;
  try {
    auto it = plans.find(key);
    if (it == plans.end()) {
      if (plans.size() == kMaxPlans) plans.clear();
      it = plans.emplace(key, key).first;
    }
    it->second.run(x, w, bias, y);
  } catch (const dnnl::error& e) {
    require<DeviceError>(e.status != dnnl_out_of_memory, "cpu: out of memory in a convolution");
    throw Error(
        fmt::format("oneDNN {}: {} in the convolution of [{}, {}, {}, {}] by [{}, {}, {}, {}]",
                    onednn_version(), e.what(), g.n, g.h, g.w, g.c, g.k, g.r, g.s, g.c / g.groups));
  }
}

}  // namespace

bool takes(const Geometry& g) {
  // oneDNN 2.6.3 on AVX2 writes behind its scratch memory here (seen with 3 channels).
  const bool strided_pixels = g.r == 1 && g.s == 1 && (g.stride_h > 1 || g.stride_w > 1);
  return !strided_pixels && g.pad_top >= 0 && g.pad_left >= 0 && g.pad_bottom() > -g.stride_h &&
         g.pad_right() > -g.stride_w;
}

void forward(const Geometry& g, const float* x, const float* w, const RawEpilogue& epilogue,
             float* y) {
  run(Pass::forward, g, x, w, epilogue.bias, y);
  apply_epilogue(g.n * g.p * g.q, g.k, {nullptr, epilogue.activation}, y);
}

void grad_input(const Geometry& g, const float* w, const float* dy, const RawEpilogue& epilogue,
                float* dx) {
  run(Pass::grad_input, g, dx, w, nullptr, dy);
  apply_epilogue(g.n * g.h * g.w, g.c, epilogue, dx);
}

void grad_weight(const Geometry& g, const float* x, const float* dy, float* dw) {
  run(Pass::grad_weight, g, x, dw, nullptr, dy);
}

}  // namespace gradus::cpu::convolution::onednn
