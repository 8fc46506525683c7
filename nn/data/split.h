#pragma once

namespace gradus {

/// The two parts of a data set. No image is in both.
enum class Split { train, test };

/// "train" or "test".
inline const char* name(Split split) { return split == Split::train ? "train" : "test"; }

}  // namespace gradus
