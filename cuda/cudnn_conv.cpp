#include "cuda/cudnn_conv.h"

#include <algorithm>
#include <cstdio>

#include "cuda/check.h"

namespace gradus::cuda {
namespace {

/// Of a workspace, in bytes; an engine that asks for more is passed over.
constexpr int64_t kMostWorkspace = int64_t{1} << 30;

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

CudnnConv::Choice& CudnnConv::choice_of(const ConvKey& key) {
  const auto [it, is_new] =
      choices_.try_emplace({key.numbers(), rules_.tf32, rules_.deterministic});
  Choice& choice = it->second;
  if (is_new) {
    try {
      choice.left = cudnn::candidates(conv_graph(key, handle_), nullptr);
    } catch (...) {
      choices_.erase(it);
      throw;
    }
    std::erase_if(choice.left,
                  [&](const cudnn::Candidate& c) { return !c.obeys(rules_, key.dtype); });
    std::reverse(choice.left.begin(), choice.left.end());
  }
  return choice;
}

const CudnnConv::Plan& CudnnConv::plan_of(const ConvKey& key, Choice& choice) {
  while (!choice.has_plan) {
    if (choice.left.empty())
      throw DeviceError(fmt::format("{}: cuDNN has no {}{}engine for it{}{}", to_string(key),
                                    rules_.tf32 || key.dtype == DType::f64 ? "" : "strict fp32 ",
                                    rules_.deterministic ? "deterministic " : "",
                                    choice.failed.empty() ? "" : ": ", choice.failed));
    try {
      cudnn::Descriptor made = cudnn::plan(choice.left.back(), handle_, nullptr);
      const int64_t workspace = made.get_int(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
      choice.plans.push_back({std::move(made), choice.left.back().engine, workspace});
      choice.has_plan = workspace <= kMostWorkspace;
      if (!choice.has_plan) choice.failed = fmt::format("a workspace of {} bytes", workspace);
    } catch (const DeviceError& e) {
      choice.failed = e.what();
    }
    if (!choice.has_plan) choice.left.pop_back();
  }
  return choice.plans.back();
}

bool CudnnConv::is_capturing() const {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(stream_, &status), "cudaStreamIsCapturing");
  return status != cudaStreamCaptureStatusNone;
}

void CudnnConv::run(const ConvKey& key, const void* x, const void* w, const void* y) {
  Choice& choice = choice_of(key);
  for (;;) {
    const Plan& plan = plan_of(key, choice);
    try {
      return execute(key, plan, x, w, y);
    } catch (const DeviceError& e) {
      // No other engine mends a device that is lost, and a capture has half of this one's work.
      if (is_lost() || is_capturing()) throw;
      choice.failed = e.what();
      const std::string line =
          fmt::format("cuDNN's engine {} is passed over: {}\n", plan.engine, choice.failed);
      std::fputs(line.c_str(), stderr);
      choice.left.pop_back();
      choice.has_plan = false;
    }
  }
}

void CudnnConv::execute(const ConvKey& key, const Plan& plan, const void* x, const void* w,
                        const void* y) {
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
  pack.finalize("a convolution's arguments");
  cudnn::check(cudnnBackendExecute(handle_, plan.descriptor.raw(), pack.raw()),
               "cudnnBackendExecute", to_string(key));
}

}  // namespace gradus::cuda
