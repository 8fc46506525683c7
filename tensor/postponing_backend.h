#pragma once

#include "tensor/backend.h"

namespace gradus {

/// A device some of whose kernels run later than they are called. So it is told what each call is
/// about to use, and runs before it what has to come before it.
class PostponingBackend : public Backend {
 public:
  /// A tensor that the kernel which is being called reads or writes.
  virtual void about_to_use(const Tensor& operand) = 0;
};

}  // namespace gradus
