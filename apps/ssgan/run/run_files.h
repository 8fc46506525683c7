#pragma once

#include <filesystem>
#include <vector>

namespace gradus::ssgan {

/// The key of config.json that says where a run began (first_step in run_checkpoints.h).
inline constexpr const char* kFirstStep = "first_step";

/// What lies in a folder that a run would be written to.
enum class Holds {
  nothing,   ///< of the files that a run writes, but perhaps others
  run,       ///< config.json is a run's
  replaced,  ///< a run whose replacement (--overwrite) was cut short
  others     ///< files called as a run's that no run has written
};
/// Throws ReadError where it cannot be told.
Holds what_holds(const std::filesystem::path& folder);

/// The folders, within a run's, of the runs that it is compared with.
inline constexpr const char *kBaseline = "baseline", *kWithoutGan = "without-gan";

/// The files in `folder` and its samples/, checkpoints/ and tb/ that are called as a run's, but for
/// config.json, the mark of a run; temporary ones, too. Of kBaseline
/// and kWithoutGan, where they hold a run, all.
std::vector<std::filesystem::path> files_of_run(const std::filesystem::path& folder);

/// Removes the files of a run, but for config.json, and folders that are empty then; nothing else.
/// First config.json says that the run is being replaced, so that nobody goes on with what is left
/// if this is cut short.
/// Throws OutputError where a file cannot be removed.
void remove_run(const std::filesystem::path& folder);

/// Removes what a killed program left of files that it was writing.
void remove_temporaries(const std::filesystem::path& folder);

}  // namespace gradus::ssgan
