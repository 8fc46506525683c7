#pragma once

#include <array>
#include <map>
#include <string>

#include "cuda/cudnn_graph.h"
#include "tensor/backend.h"

namespace gradus::cuda {

/// A convolution as data: what a plan depends on.
struct ConvKey {
  cudnn::ConvKind kind;
  DType dtype;
  Shape x, w, y;  ///< of the forward convolution: [N, H, W, C], [K, R, S, C], [N, P, Q, K]
  ConvParams params;

  /// The same in numbers, for a map.
  using Numbers = std::array<int64_t, 21>;
  Numbers numbers() const;
};

/// The convolution's graph for cuDNN; `handle` null: for a described device.
cudnn::Descriptor conv_graph(const ConvKey& key, cudnnHandle_t handle);

/// "conv_grad_input f32 x [128, 16, 16, 64], w [64, 3, 3, 64], y [128, 8, 8, 64]".
std::string to_string(const ConvKey& key);

/// Convolutions through cuDNN's graph API. Plans are made at the first call for a key: the first
/// of the library's engines that obeys the rules and supports the shape.
class CudnnConv {
 public:
  CudnnConv(cudnnHandle_t handle, CachingAllocator& allocator)
      : handle_(handle), allocator_(allocator) {}

  /// Plans made under other rules are dropped.
  void use(const cudnn::EngineRules& rules);
  /// x, w and y are the convolution's; the one that `kind` computes is written
  /// (cuDNN takes all as pointers to what may change).
  void run(const ConvKey& key, const void* x, const void* w, const void* y);

 private:
  struct Plan {
    cudnn::Descriptor descriptor;
    int64_t workspace;
  };
  const Plan& plan_of(const ConvKey& key);

  cudnnHandle_t handle_;
  CachingAllocator& allocator_;
  cudnn::EngineRules rules_;
  std::map<ConvKey::Numbers, Plan> plans_;
};

}  // namespace gradus::cuda
