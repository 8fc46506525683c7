#pragma once

#include "tensor/tensor.h"

namespace gradus {

/// A tensor that an operation will need again, with its bytes as they are now. It is shared, not
/// copied: reading it tells whether somebody has written it since.
class Saved {
 public:
  /// "None": reads as an undefined tensor.
  Saved() = default;
  /// `name` says in errors which of the operation's values it is: "a", "labels".
  Saved(const char* name, Tensor value)
      : name_(name), value_(std::move(value)), writes_(value_.defined() ? value_.writes() : 0) {}

  /// The tensor as it was saved. Throws TapeError where its bytes have been written since: it names
  /// the operation, the value, and `purpose` ("gradient"), which needs it.
  const Tensor& read(const char* operation, const char* purpose) const {
    require<TapeError>(!value_.defined() || value_.writes() == writes_,
                       "{}: its {} needs {} as it was in the call, but that was overwritten since; "
                       "ask for the {} before, or clone {}",
                       operation, purpose, name_, purpose, name_);
    return value_;
  }

 private:
  const char* name_ = "";
  Tensor value_;
  int64_t writes_ = 0;
};

}  // namespace gradus
