#pragma once

#include <cudnn.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor/dtype.h"

namespace gradus::cuda::cudnn {

/// Throws DeviceError with `failure` (cuda/check.h) and cuDNN's own last message.
void check(cudnnStatus_t status, const char* function, const std::string& operation = "");

/// Owns one of the backend descriptors that cuDNN's graph API (cudnn_graph.h) is made of.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  Descriptor(Descriptor&& o) noexcept : raw_(std::exchange(o.raw_, nullptr)) {}
  Descriptor& operator=(Descriptor&& o) noexcept {
    std::swap(raw_, o.raw_);
    return *this;
  }
  ~Descriptor();

  cudnnBackendDescriptor_t raw() const { return raw_; }

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
           const void* values);
  void set(cudnnBackendAttributeName_t name, int64_t value);
  void set(cudnnBackendAttributeName_t name, std::span<const int64_t> values);
  void set(cudnnBackendAttributeName_t name, cudnnDataType_t value);
  void set(cudnnBackendAttributeName_t name, const Descriptor& value);
  void set_scalar(cudnnBackendAttributeName_t name, cudnnDataType_t compute, double value);
  /// No attributes from here on.
  void finalize(const char* what);

  int64_t get_int(cudnnBackendAttributeName_t name) const;
  /// How many values the attribute has, written to `values` as far as there is room.
  int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t room,
              void* values) const;

 private:
  cudnnBackendDescriptor_t raw_ = nullptr;
};

/// Dimensions [N, C, H, W] of a tensor stored [N, H, W, C].
struct ImageDims {
  int64_t n, c, h, w;
};

Descriptor tensor(const ImageDims& dims, cudnnDataType_t type, int64_t id);

/// Paddings before and after, strides, dilations: of height and width.
struct Spatial {
  int64_t before[2], after[2], stride[2], dilation[2];
};

enum class ConvKind { forward, grad_input, grad_weight };

/// The graph of one convolution: tensor ids kX, kW, kY are x, w, y of the forward one, or their
/// gradients where they are the result.
inline constexpr int64_t kX = 1, kW = 2, kY = 3;
Descriptor conv_graph(ConvKind kind, cudnnDataType_t type, const ImageDims& x, const ImageDims& w,
                      const ImageDims& y, const Spatial& spatial, cudnnHandle_t handle);

/// A card without the card: what cuDNN's heuristics ask of it, as JSON that
/// CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION gave on one.
Descriptor device_from_json(std::string_view json);

/// What an engine may do.
struct EngineRules {
  bool tf32 = false;          ///< f32 through tensor cores
  bool deterministic = true;  ///< the same bits each time
  bool operator==(const EngineRules&) const = default;
};

/// An engine of a graph with its knobs, and what the library says of it.
struct Candidate {
  Descriptor config;
  int64_t engine = 0;
  bool tensor_core = false, down_converts = false, deterministic = true,
       compiles_at_run_time = false;

  /// f64 keeps its digits on tensor cores, f32 does not.
  bool obeys(const EngineRules& rules, DType dtype) const {
    const bool rounds = down_converts || (tensor_core && dtype == DType::f32);
    return (!rounds || (rules.tf32 && dtype == DType::f32)) &&
           (!rules.deterministic || deterministic);
  }
};

/// The library's engines for the graph, the fastest (as it thinks) first, but those that are
/// compiled at run time, which takes a second a shape, last. `device` null: for the handle's own.
std::vector<Candidate> candidates(const Descriptor& graph, const Descriptor* device);

/// The plan of a candidate; throws DeviceError where the engine does not support it.
Descriptor plan(const Candidate& candidate, cudnnHandle_t handle, const Descriptor* device);

}  // namespace gradus::cuda::cudnn
