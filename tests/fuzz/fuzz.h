#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/error.h"
#include "tests/temp_dir.h"

// What the harnesses share. A harness gives bytes from outside to a reader, which may refuse them
// by a gradus::Error. Whatever else happens is a finding: another exception, a signal, what the
// sanitizers report, an allocation or a time beyond the limits of ./gradus fuzz, a `must` that does
// not hold.

namespace gradus::fuzz {

/// A reader under test: its name, as in `./gradus fuzz NAME`, and what is done with an input.
struct Harness {
  Harness(const char* name, void (*run)(std::string_view input));
};

/// A folder for the reader's files, in $TMPDIR.
const TempDir& scratch();
/// Writes a file there.
std::filesystem::path put(const std::string& name, std::string_view bytes);

/// Ends the program where it is false.
void must(bool holds, const char* what);

/// `read` may throw Error, with a message of at most 4,000 bytes.
void may_refuse(const std::function<void()>& read);
/// The same, but a DataError has to name a file below scratch().
void may_refuse_file(const std::function<void()>& read);

/// The input as `count` parts: each a length of 4 bytes (modulo what is left + 1), little-endian,
/// and so many bytes; the last takes the rest.
std::vector<std::string_view> parts(std::string_view input, size_t count);

}  // namespace gradus::fuzz
