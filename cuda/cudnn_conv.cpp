#include "cuda/cudnn_conv.h"

#include <algorithm>

namespace gradus::cuda {
namespace {

cudnn::ImageDims dims(const Shape& s) { return {s[0], s[3], s[1], s[2]}; }

/// Padding after the end so that the outputs are `out`. Where they leave input unread there is
/// none.
int64_t pad_after(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation,
                  int64_t before) {
  return std::max<int64_t>((out - 1) * stride + (kernel - 1) * dilation + 1 - in - before, 0);
}

const char* name(cudnn::ConvKind kind) {
  switch (kind) {
    case cudnn::ConvKind::forward:
      return "conv";
    case cudnn::ConvKind::grad_input:
      return "conv_grad_input";
    case cudnn::ConvKind::grad_weight:
      break;
  }
  return "conv_grad_weight";
}

}  // namespace

ConvKey::Numbers ConvKey::numbers() const {
  const ConvParams& p = params;
  return {static_cast<int64_t>(kind),
          static_cast<int64_t>(dtype),
          x[0],
          x[1],
          x[2],
          x[3],
          w[0],
          w[1],
          w[2],
          w[3],
          y[0],
          y[1],
          y[2],
          y[3],
          p.stride_h,
          p.stride_w,
          p.pad_top,
          p.pad_left,
          p.dilation_h,
          p.dilation_w,
          p.groups};
}

std::string to_string(const ConvKey& key) {
  const ConvParams& p = key.params;
  return fmt::format(
      "{} {} x {}, w {}, y {}, stride {} {}, padding {} {}, dilation {} {}, {} groups",
      name(key.kind), gradus::name(key.dtype), key.x, key.w, key.y, p.stride_h, p.stride_w,
      p.pad_top, p.pad_left, p.dilation_h, p.dilation_w, p.groups);
}

cudnn::Descriptor conv_graph(const ConvKey& key, cudnnHandle_t handle) {
  const ConvParams& p = key.params;
  const cudnn::Spatial spatial{
      {p.pad_top, p.pad_left},
      {pad_after(key.x[1], key.y[1], key.w[1], p.stride_h, p.dilation_h, p.pad_top),
       pad_after(key.x[2], key.y[2], key.w[2], p.stride_w, p.dilation_w, p.pad_left)},
      {p.stride_h, p.stride_w},
      {p.dilation_h, p.dilation_w}};
  const auto type = key.dtype == DType::f64 ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT;
  return cudnn::conv_graph(key.kind, type, dims(key.x), dims(key.w), dims(key.y), spatial, handle);
}

void CudnnConv::use(const cudnn::EngineRules& rules) {
  rules_ = rules;
  plans_.clear();
}

const CudnnConv::Plan& CudnnConv::plan_of(const ConvKey& key) {
  const ConvKey::Numbers numbers = key.numbers();
  if (const auto it = plans_.find(numbers); it != plans_.end()) return it->second;
  const cudnn::Descriptor graph = conv_graph(key, handle_);
  std::string last = "no engine obeys the rules";
  for (const cudnn::Candidate& candidate : cudnn::candidates(graph, nullptr)) {
    if (!candidate.obeys(rules_)) continue;
    try {
      cudnn::Descriptor made = cudnn::plan(candidate, handle_, nullptr);
      const int64_t workspace = made.get_int(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
      return plans_.emplace(numbers, Plan{std::move(made), workspace}).first->second;
    } catch (const DeviceError& e) {
      last = e.what();
    }
  }
  throw DeviceError(fmt::format("{}: cuDNN has no {}{}engine for it: {}", to_string(key),
                                rules_.tf32 ? "" : "strict fp32 ",
                                rules_.deterministic ? "deterministic " : "", last));
}

void CudnnConv::run(const ConvKey& key, const void* x, const void* w, const void* y) {
  const Plan& plan = plan_of(key);
  const int64_t ids[] = {cudnn::kX, cudnn::kW, cudnn::kY};
  void* const pointers[] = {const_cast<void*>(x), const_cast<void*>(w), const_cast<void*>(y)};
  const auto give_back = [this](void* p) { allocator_.release(p); };
  const std::unique_ptr<void, decltype(give_back)> workspace(
      plan.workspace ? allocator_.allocate(plan.workspace) : nullptr, give_back);
  void* const raw = workspace.get();
  cudnn::Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3, pointers);
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &raw);
  pack.finalize("cuDNN: a convolution's arguments");
  cudnn::check(cudnnBackendExecute(handle_, plan.descriptor.raw(), pack.raw()),
               to_string(key).c_str());
}

}  // namespace gradus::cuda
