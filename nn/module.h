#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/init.h"
#include "tensor/tensor.h"

namespace gradus {

class Module;

/// A named tensor that training changes: a member of the module that registers it.
class Parameter {
 public:
  /// Of the owner's dtype and device, 0 until it is initialised. Names are not checked: one of a
  /// kind in its module, as modules' are in theirs.
  Parameter(Module& owner, std::string name, const Shape& shape, Initializer initializer,
            int64_t fan_in = 1, int64_t fan_out = 1);
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;

  const Tensor& value() const { return value_; }
  Tensor& value() { return value_; }
  void initialize(Random& random) { initializer_(value_, fan_in_, fan_out_, random); }

 private:
  Tensor value_;
  Initializer initializer_;
  int64_t fan_in_, fan_out_;
};

/// A named tensor that belongs to a module's state but gets no gradient (running statistics).
class Buffer {
 public:
  /// Of the owner's dtype and device, `value` everywhere.
  Buffer(Module& owner, std::string name, const Shape& shape, double value);
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  const Tensor& value() const { return value_; }
  Tensor& value() { return value_; }

 private:
  Tensor value_;
};

/// A tree of named parts. Parts are members that register themselves with their parent when they
/// are constructed, in the order of their declaration; so a module neither moves nor copies.
class Module {
 public:
  /// A root; dtype f32 or f64.
  explicit Module(DType dtype = DType::f32, Device device = kCpu)
      : dtype_(dtype), device_(device) {}
  /// A part of `parent`, with its dtype and device.
  Module(Module& parent, std::string name);
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  DType dtype() const { return dtype_; }
  Device device() const { return device_; }

  /// All parameters, a module's own before those of its parts, each in order of declaration, as
  /// ("conv1.weight", parameter).
  std::vector<std::pair<std::string, Parameter*>> named_parameters();
  std::vector<Parameter*> parameters();
  std::vector<std::pair<std::string, Buffer*>> named_buffers();
  /// Draws all parameters anew, in that order.
  void initialize(Random& random);

  /// Every parameter and buffer as `prefix` + name: the tensors themselves, not copies.
  void save(std::map<std::string, Tensor>& tensors, const std::string& prefix);
  /// The reverse; copies, converts between f32 and f64, and takes any device. Throws DataError that
  /// names the tensor where one is missing, of another shape or not f32 or f64; those before it are
  /// loaded then. `buffers` false leaves running statistics as they are.
  void load(const std::map<std::string, Tensor>& tensors, const std::string& prefix,
            bool buffers = true);

 private:
  friend class Parameter;
  friend class Buffer;
  DType dtype_;
  Device device_;
  std::vector<std::pair<std::string, Module*>> children_;
  std::vector<std::pair<std::string, Parameter*>> parameters_;
  std::vector<std::pair<std::string, Buffer*>> buffers_;
};

/// Overwrites `to` by the tensor of that name, of `to`'s dtype or, where that is f32 or f64, of
/// either. Throws DataError where it is missing, of another shape or of another dtype.
void load_tensor(const std::map<std::string, Tensor>& tensors, const std::string& name, Tensor& to);

}  // namespace gradus
