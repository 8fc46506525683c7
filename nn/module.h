#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/init.h"
#include "tensor/tensor.h"

namespace gradus {

class Module;

/// A named tensor of a module's state, of the module's dtype and device. It is a member of the
/// module that it registers with, and known to it for as long as it lives. It keeps its bytes, so
/// that optimisers and tapes may hold on to them; what changes is what they hold.
class Part {
 public:
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  /// Takes the other's place in the module.
  Part(Part&& other) noexcept;

  const Tensor& value() const { return value_; }
  /// Overwrites the elements; throws as Tensor::copy_from does.
  void copy_from(const Tensor& from) { value_.copy_from(from); }

 protected:
  /// Throws Error unless the name is one that a part of `owner` may have (see Module).
  Part(Module& owner, const std::string& name, const Shape& shape, double value);
  ~Part();

 private:
  friend class Module;
  friend class Parameter;
  Tensor value_;
  Module* owner_;  ///< null where that has ended first
};

/// One that training changes.
class Parameter final : public Part {
 public:
  /// 0 until it is initialised.
  Parameter(Module& owner, const std::string& name, const Shape& shape, Initializer initializer,
            int64_t fan_in = 1, int64_t fan_out = 1);
  /// Throws Error where the initializer does not fill the tensor that it is given, but replaces it.
  void initialize(Random& random);
  /// Whether training leaves it as it is.
  bool is_frozen() const { return frozen_; }
  void freeze(bool frozen = true) { frozen_ = frozen; }

 private:
  bool frozen_ = false;
  Initializer initializer_;
  int64_t fan_in_, fan_out_;
};

/// One that gets no gradient (running statistics).
class Buffer final : public Part {
 public:
  /// `value` everywhere.
  Buffer(Module& owner, const std::string& name, const Shape& shape, double value);
};

/// A tree of named parts: parameters, buffers and modules. Parts are members that register
/// themselves with their parent when they are constructed, in the order of their declaration, and
/// leave it when they end; so a module does not copy, and its parts follow it where it moves to.
/// Within a module every part has a name of its own, not empty and without a dot; to give another
/// its name, a part has to end first.
class Module {
 public:
  /// A module to be a part of; none: a root.
  struct Parent {
    Parent() = default;
    Parent(Module& m) : module(&m) {}  // NOLINT: parts are made with *this
    Module* module = nullptr;
  };

  /// A root; dtype f32 or f64.
  explicit Module(DType dtype = DType::f32, Device device = kCpu)
      : dtype_(dtype), device_(device) {}
  /// A part of `parent`, with its dtype and device. Throws Error for a name that it may not have.
  Module(Parent parent, const std::string& name);
  virtual ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  Module(Module&& other) noexcept;

  DType dtype() const { return dtype_; }
  Device device() const { return device_; }

  /// All parameters, a module's own before those of its parts, each in order of construction, as
  /// ("conv1.weight", parameter).
  [[nodiscard]] std::vector<std::pair<std::string, Parameter*>> named_parameters();
  [[nodiscard]] std::vector<std::pair<std::string, const Parameter*>> named_parameters() const;
  /// Those that training changes, in that order: all but the frozen ones.
  [[nodiscard]] std::vector<Parameter*> parameters();
  [[nodiscard]] std::vector<std::pair<std::string, Buffer*>> named_buffers();
  [[nodiscard]] std::vector<std::pair<std::string, const Buffer*>> named_buffers() const;
  /// Freezes all parameters, or makes them trainable again. An optimiser is made afterwards.
  void freeze(bool frozen = true);
  /// Moves all parts to the device, or converts them to f32 or f64; they have bytes of their own
  /// then, so optimisers are made afterwards. Throws TypeError for another dtype, DeviceError where
  /// there is no such device, and for a part of another module Error.
  void to(Device device);
  void to(DType dtype);
  /// Draws all parameters anew, in that order.
  void initialize(Random& random);

  /// Every parameter and buffer as `prefix` + name: the tensors themselves, not copies.
  void save(std::map<std::string, Tensor>& tensors, const std::string& prefix) const;
  /// The reverse; copies, converts between f32 and f64, and takes any device. Throws DataError that
  /// names the tensor where one is missing, of another shape or not f32 or f64; those before it are
  /// loaded then. `buffers` false leaves running statistics as they are.
  void load(const std::map<std::string, Tensor>& tensors, const std::string& prefix,
            bool buffers = true);

 protected:
  /// Makes a root a part of this module, with its dtype and device. Throws Error for a name that it
  /// may not have, and for a part of another module.
  void adopt(const std::string& name, Module& root);

 private:
  friend class Part;
  friend class Parameter;
  friend class Buffer;
  void admit(const std::string& name) const;
  void convert(DType dtype, Device device);

  DType dtype_;
  Device device_;
  Module* parent_ = nullptr;
  std::vector<std::pair<std::string, Module*>> children_;
  std::vector<std::pair<std::string, Parameter*>> parameters_;
  std::vector<std::pair<std::string, Buffer*>> buffers_;
};

/// For people: a line a module that has parts of its own, with their shapes, and how many numbers
/// its parameters are in all.
[[nodiscard]] std::string to_string(const Module& module);
template <std::derived_from<Module> M>
inline constexpr bool kPrinted<M> = true;

/// Where the bytes of all parameters lie, in the order of Module::parameters: by this, who holds on
/// to them can tell whether they are still the module's.
[[nodiscard]] std::vector<const void*> addresses_of_parameters(Module& module);

/// Overwrites the bytes that `to` shares by the tensor of that name, of `to`'s dtype or, where that
/// is f32 or f64, of either. Throws DataError where it is missing, of another shape or of another
/// dtype.
void load_tensor(const std::map<std::string, Tensor>& tensors, const std::string& name, Tensor to);

}  // namespace gradus
