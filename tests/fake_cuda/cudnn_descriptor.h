#pragma once

#include <cudnn.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <vector>

#include "tensor/backend.h"

namespace gradus::fake_cuda {

/// What an attribute was set to; of descriptors their contents, so that they may go.
struct Contents;
struct Value {
  cudnnBackendAttributeType_t type;
  int64_t count;
  std::vector<char> bytes;
  std::vector<std::shared_ptr<const Contents>> descriptors;
};

/// An algorithm as cuDNN describes it.
struct Engine {
  int64_t number;
  bool tensor_core, nondeterministic, compiles_at_run_time, needs_workspace;
};

struct Contents {
  cudnnBackendDescriptorType_t type;
  bool is_final = false;
  std::map<cudnnBackendAttributeName_t, Value> values = {};
  const Engine* engine = nullptr;  ///< of an engine, a configuration, a plan
};

/// An error of a caller of cuDNN.
struct BadParam : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The attribute's values; throws BadParam where it was not set to `count` values of this type, or
/// to any number of them where that is -1.
template <class T>
std::vector<T> values_of(const Contents& c, cudnnBackendAttributeName_t name,
                         cudnnBackendAttributeType_t type, int64_t count) {
  const auto it = c.values.find(name);
  if (it == c.values.end() || it->second.type != type || (count >= 0 && it->second.count != count))
    throw BadParam("an attribute is missing, or has another type or count");
  const T* first = reinterpret_cast<const T*>(it->second.bytes.data());
  return {first, first + it->second.count};
}
/// The only descriptor that the attribute was set to, of this type.
const Contents& descriptor_of(const Contents& c, cudnnBackendAttributeName_t name,
                              cudnnBackendDescriptorType_t type);

/// The convolution that an operation's descriptor asks for.
struct Convolution {
  enum class Result { x, w, y } result;
  DType dtype;
  Shape x, w, y;  ///< of the forward one, [N, H, W, C], [K, R, S, C / groups], [N, P, Q, K]
  int64_t id_x, id_w, id_y;
  ConvParams params;

  /// Throws BadParam where the descriptors contradict each other, std::domain_error for what this
  /// fake does not have.
  explicit Convolution(const Contents& operation);
};

}  // namespace gradus::fake_cuda
