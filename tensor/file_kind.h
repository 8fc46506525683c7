#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace gradus {

/// What a file is by its first bytes (100 or so), for the message of a reader that expected another
/// kind: ", it looks like a gzip archive". Empty where nothing known begins so.
std::string looks_like(std::span<const std::byte> beginning);

}  // namespace gradus
