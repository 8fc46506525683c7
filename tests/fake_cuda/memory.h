#pragma once

#include <cstddef>
#include <string>

namespace gradus::fake_cuda {

/// Memory of a device, full of NaNs, between guard bands; null where the device has no more.
void* allocate(int device, size_t bytes);
/// Of what `allocate` gave; false where something was written beside it.
bool release(void* p);
/// Tells the first allocation beside which something was written; empty where there is none.
std::string damaged_guards();

}  // namespace gradus::fake_cuda
