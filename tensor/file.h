#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

namespace gradus {

/// The whole file. Throws DataError, with the system's reason, where it cannot be read.
std::vector<std::byte> read_file(const std::filesystem::path& path);

/// Puts `pieces`, one after the other, in the place of `path`: written to a temporary file beside
/// it, flushed to the disk, then renamed, so that a reader sees the earlier file or the new one,
/// never a part. On failure throws OutputError with the system's reason; the earlier file is as it
/// was, and no temporary file stays. A symbolic link stays a link. A limit on file sizes is
/// reported only where SIGXFSZ is ignored.
void write_file(const std::filesystem::path& path,
                std::span<const std::span<const std::byte>> pieces);
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace gradus
