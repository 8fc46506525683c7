#pragma once

#include "tensor/host_device.h"

namespace gradus {

/// Whether a is larger than b, where NaN is larger than every number: the order of Backend::top_k
/// and max_pool, and of maximum.
template <class T>
GRADUS_HD bool is_larger(T a, T b) {
  return a > b || (a != a && b == b);
}

}  // namespace gradus
