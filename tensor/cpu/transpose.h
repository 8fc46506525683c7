#pragma once

#include <cstdint>

namespace gradus::cpu {

/// b [columns, rows] = the transpose of a [rows, columns].
void transpose(int64_t rows, int64_t columns, const float* a, float* b);

}  // namespace gradus::cpu
