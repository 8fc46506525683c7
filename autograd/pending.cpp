#include "autograd/pending.h"

#include <optional>

#include "autograd/result.h"
#include "tensor/error.h"
#include "tensor/scope.h"

namespace gradus {
namespace {

int64_t writes(std::span<const Tensor> tensors) {
  int64_t sum = 0;
  for (const Tensor& t : tensors) sum += t.defined() ? t.writes() : 0;
  return sum;
}

}  // namespace

Pending::Pending(const char* operation, std::vector<Tensor> operands, const Shape& shape,
                 Kernel kernel)
    : operation_(operation),
      scope_(Scope::path()),
      operands_(std::move(operands)),
      writes_(writes(operands_)),
      shape_(shape),
      dtype_(operands_[0].dtype()),
      device_(operands_[0].device()),
      kernel_(std::move(kernel)) {}

const Tensor& Pending::value() {
  if (is_computed()) return value_;
  value_ = activated(Identity{});
  kernel_ = nullptr;
  operands_.clear();
  return value_;
}

Tensor Pending::activated(const Activation& activation) const {
  require<Error>(writes(operands_) == writes_,
                 "{}: its value is first read after what it is computed from has been overwritten; "
                 "read it before",
                 operation_);
  const std::string here = Scope::path(), outer = here.empty() ? here : here + ": ";
  std::optional<Scope> scope;
  if (scope_ != here)
    scope.emplace(device_, scope_.starts_with(outer) ? scope_.substr(outer.size()) : scope_);
  Tensor y = result(operation_, shape_, dtype_, device_);
  kernel_(operands_, activation, y);
  return y;
}

}  // namespace gradus
