#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace gradus {

struct ProgramResult {
  int status = 0;  ///< as a shell has it: 128 + the signal where one ended the program
  std::string out, err;
};

struct ProgramSetting {
  std::map<std::string, std::string> environment = {};  ///< on top of this process's
  std::filesystem::path preload = {};         ///< a library loaded in front of the program's
  std::optional<uint64_t> largest_file = {};  ///< bytes; writing beyond fails
  bool terminal = false;                      ///< stderr is one
  bool full_output = false;                   ///< stdout takes nothing
  /// Called in the new process, before the program is there.
  std::function<void()> before_start = {};
  /// Called again and again while the program runs, with its process and what it wrote so far.
  std::function<void(pid_t, const ProgramResult& so_far)> meanwhile = {};
};

/// Whether sanitizers are in ssgan: they have to be loaded first, so a test can load nothing
/// before.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// Whether this system gives pseudo-terminals; a bare chroot does not.
bool has_pseudo_terminals();

/// As one word of a line, whatever spaces it has.
std::string quoted(const std::filesystem::path& path);

/// Runs ssgan with the words of `line` to its end; a word in double quotes may have spaces. Throws
/// where it cannot be started, or after ten minutes.
ProgramResult run_program(const std::string& line, const ProgramSetting& setting = {});

}  // namespace gradus
