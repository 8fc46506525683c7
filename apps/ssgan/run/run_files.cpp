#include "apps/ssgan/run/run_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "apps/ssgan/options.h"
#include "apps/ssgan/run/json_file.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

namespace fs = std::filesystem;

constexpr const char* kReplaced = "being_replaced";

/// How the files of a run are called, by the folder they are in.
struct Pattern {
  enum class Middle { nothing, digits, anything };
  const char *folder, *prefix;
  Middle middle;
  const char* suffix;
};
constexpr auto kNothing = Pattern::Middle::nothing, kDigits = Pattern::Middle::digits;
constexpr Pattern kPatterns[] = {{"", "metrics.jsonl", kNothing, ""},
                                 {"", "epochs.csv", kNothing, ""},
                                 {"", "log.txt", kNothing, ""},
                                 {"", "summary.json", kNothing, ""},
                                 {"", "report.html", kNothing, ""},
                                 {"", "scores.json", kNothing, ""},
                                 {"", "inspection.json", kNothing, ""},
                                 {"", "mistakes.png", kNothing, ""},
                                 {"", "real.png", kNothing, ""},
                                 {"samples", "epoch_", kDigits, ".png"},
                                 {"checkpoints", "step_", kDigits, ".safetensors"},
                                 {"checkpoints", "step_", kDigits, ".safetensors.damaged"},
                                 {"checkpoints", "best.safetensors", kNothing, ""},
                                 {"tb", "events.out.tfevents.", Pattern::Middle::anything, ""}};
constexpr const char* kFolders[] = {"", "samples", "checkpoints", "tb"};

bool matches(const Pattern& p, std::string_view name) {
  const std::string_view prefix = p.prefix, suffix = p.suffix;
  if (name.size() < prefix.size() + suffix.size() || !name.starts_with(prefix) ||
      !name.ends_with(suffix))
    return false;
  name.remove_prefix(prefix.size());
  name.remove_suffix(suffix.size());
  if (p.middle == kNothing) return name.empty();
  return p.middle != kDigits ||
         (!name.empty() && name.find_first_not_of("0123456789") == name.npos);
}

bool is_ours(const std::string& folder, const std::string& name) {
  return std::ranges::any_of(
      kPatterns, [&](const Pattern& p) { return folder == p.folder && matches(p, name); });
}

bool is_temporary(const fs::path& file) {
  return !target_of_temporary(file.filename().string()).empty();
}

/// Visits every file in the folder and its folders of ours.
template <class Visit>
void visit(const fs::path& run, const Visit& visit) {
  for (const char* folder : kFolders) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(run / folder, error))
      if (std::error_code ignored; !fs::is_directory(entry.symlink_status(ignored)))
        visit(folder, entry.path());
  }
}

void remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  require<OutputError>(!error, "{}: cannot be removed: {}", path.string(), error.message());
}

}  // namespace

// What is "called as a run's" is not removed for that: config.json has to say that a run is there.
Holds what_holds(const fs::path& folder) {
  std::error_code error;
  const fs::path config = folder / "config.json";
  if (!fs::exists(config, error))
    return std::ranges::all_of(files_of_run(folder), is_temporary) ? Holds::nothing : Holds::others;
  const auto json = read_json_object(config);
  if (json.contains(kReplaced)) return Holds::replaced;
  try {
    options_from_json(json);
    return Holds::run;
  } catch (const DataError&) {
    return Holds::others;
  }
}

std::vector<fs::path> files_of_run(const fs::path& folder) {
  std::vector<fs::path> found;
  visit(folder, [&](const char* in, const fs::path& path) {
    const std::string name = path.filename().string(), target = target_of_temporary(name);
    if (is_ours(in, name) || is_ours(in, target) || (!*in && target == "config.json"))
      found.push_back(path);
  });
  for (const char* name : {kBaseline, kWithoutGan}) {
    const fs::path beside = folder / name;
    std::error_code error;
    if (!fs::exists(beside / "config.json", error) || what_holds(beside) == Holds::others) continue;
    const auto more = files_of_run(beside);
    found.insert(found.end(), more.begin(), more.end());
    found.push_back(beside / "config.json");
  }
  return found;
}

void remove_run(const fs::path& folder) {
  write_json(folder / "config.json", {{kReplaced, true}});
  for (const fs::path& file : files_of_run(folder)) remove_file(file);
  std::vector<fs::path> folders;
  for (const fs::path& run : {folder / kBaseline, folder / kWithoutGan, folder})
    for (const char* name : {"samples", "checkpoints", "tb"}) folders.push_back(run / name);
  folders.push_back(folder / kBaseline);
  folders.push_back(folder / kWithoutGan);
  for (const fs::path& path : folders) {
    std::error_code stays;  // where somebody else's files are
    if (fs::is_directory(fs::symlink_status(path, stays))) fs::remove(path, stays);
  }
}

void remove_temporaries(const fs::path& folder) {
  for (const fs::path& file : files_of_run(folder))
    if (is_temporary(file)) remove_file(file);
}

}  // namespace gradus::ssgan
