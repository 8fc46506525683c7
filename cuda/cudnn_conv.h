#pragma once

#include <array>
#include <map>
#include <string>
#include <tuple>
#include <vector>

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

/// Convolutions through cuDNN's graph API. At the first call for a key the first of the library's
/// engines that obeys the rules, supports the shape and has room for its workspace is taken, and
/// kept; where it cannot run after all the next one is, and a line on stderr says so.
class CudnnConv {
 public:
  CudnnConv(cudnnHandle_t handle, cudaStream_t stream, CachingAllocator& allocator)
      : handle_(handle), stream_(stream), allocator_(allocator) {}

  /// From now on. What was planned under other rules stays, since recordings may use it.
  void use(const cudnn::EngineRules& rules) { rules_ = rules; }
  /// x, w and y are the convolution's; the one that `kind` computes is written
  /// (cuDNN takes all as pointers to what may change).
  void run(const ConvKey& key, const void* x, const void* w, const void* y);

 private:
  struct Plan {
    cudnn::Descriptor descriptor;
    int64_t engine, workspace;
  };
  /// The engines for a key that have not failed yet, in their order, and the plan of the first,
  /// which is the one in use. Plans that failed stay, since a recording may use them.
  struct Choice {
    std::vector<cudnn::Candidate> left;
    std::vector<Plan> plans;
    std::string failed;  ///< why the last engine was passed over
    bool has_plan = false;
  };
  Choice& choice_of(const ConvKey& key);
  /// The plan in use. Throws DeviceError where no engine is left.
  const Plan& plan_of(const ConvKey& key, Choice& choice);
  void execute(const ConvKey& key, const Plan& plan, const void* x, const void* w, const void* y);
  bool is_capturing() const;

  cudnnHandle_t handle_;
  cudaStream_t stream_;
  CachingAllocator& allocator_;
  cudnn::EngineRules rules_;
  /// By the key, whether with TF32, whether deterministic.
  std::map<std::tuple<ConvKey::Numbers, bool, bool>, Choice> choices_;
};

}  // namespace gradus::cuda
