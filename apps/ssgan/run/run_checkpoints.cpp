#include "apps/ssgan/run/run_checkpoints.h"

#include <array>
#include <cstdio>
#include <span>

#include "apps/ssgan/errors.h"
#include "apps/ssgan/json.h"
#include "apps/ssgan/run/json_file.h"
#include "apps/ssgan/run/run_files.h"
#include "apps/ssgan/say.h"
#include "apps/ssgan/utf8.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

constexpr std::array kNetworkKeys = {"networks",    "image_size",  "classes", "extra_class",
                                     "g_size_mult", "d_size_mult", "relu2",   "dead_layers"};
/// What a run keeps besides.
constexpr std::array kRunKeys = {"data",          "test_fraction", "seed",      "batch_size",
                                 "limit_batches", "labels",        "unlabeled", "labelled_batch",
                                 "zero_as",       "ema",           "validation"};

void require_not_replaced(const std::filesystem::path& run) {
  require<UsageError>(
      what_holds(run) != Holds::replaced,
      "--resume: the run in {} was being replaced when the program ended; start the "
      "new one again, with --overwrite",
      run.string());
}

/// Throws DataError where the run's config.json and a checkpoint of its are of different runs.
void require_agreement(const Checkpoint& c, const std::filesystem::path& run) {
  require_not_replaced(run);
  const nlohmann::ordered_json there = to_json(c.options), here = to_json(read_config(run));
  using Keys = std::span<const char* const>;
  for (const Keys keys : {Keys(kNetworkKeys), Keys(kRunKeys)})
    for (const char* key : keys)
      require<DataError>(there[key] == here[key],
                         "{}: not of the run in {}: {} is {} in the checkpoint, {} in config.json",
                         c.path.string(), run.string(), key, there[key].dump(), here[key].dump());
}

}  // namespace

std::filesystem::path checkpoint_path(const std::filesystem::path& run, int64_t step) {
  return run / "checkpoints" / fmt::format("step_{:08}.safetensors", step);
}

std::filesystem::path best_checkpoint_path(const std::filesystem::path& run) {
  return run / "checkpoints" / "best.safetensors";
}

std::map<int64_t, std::filesystem::path> checkpoints_of(const std::filesystem::path& run) {
  std::map<int64_t, std::filesystem::path> all;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints", error)) {
    long long step;
    int length = 0;
    const std::string name = entry.path().filename().string();
    if (std::sscanf(name.c_str(), "step_%lld.safetensors%n", &step, &length) == 1 &&
        length == static_cast<int>(name.size()))
      all[step] = entry.path();
  }
  return all;
}

Resumption newest_whole(const std::filesystem::path& run) {
  const auto all = checkpoints_of(run);
  require<DataError>(
      !all.empty(),
      "{}: no checkpoint is there; a checkpoint's file or the folder of a run that has "
      "some was expected (train --overwrite starts a run again)",
      (run / "checkpoints").string());
  require_not_replaced(run);
  Resumption found;
  for (auto at = all.rbegin(); at != all.rend(); ++at) {
    try {
      found.checkpoint = read_checkpoint(at->second);
      require<DataError>(found.checkpoint.step == at->first, "{}: it is of step {}",
                         at->second.string(), found.checkpoint.step);
    } catch (const ReadError&) {
      throw;
    } catch (const DataError& e) {
      found.damaged.push_back(at->second);
      found.notes.push_back(e.what());
      continue;
    }
    require_agreement(found.checkpoint, run);
    return found;
  }
  throw DataError(fmt::format("{}; no checkpoint of this run is whole", found.notes.front()));
}

Checkpoint read_named(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return read_checkpoint(path);
  Resumption newest = newest_whole(path);
  for (const std::string& note : newest.notes)
    say("{}; an earlier one takes its place\n", printable(note));
  say("checkpoint {}\n", printable(newest.checkpoint.path.string()));
  return std::move(newest.checkpoint);
}

void prune_checkpoints(const std::filesystem::path& run, int64_t keep, int64_t first) {
  auto all = checkpoints_of(run);
  all.erase(first);
  for (auto at = all.begin(); static_cast<int64_t>(all.size()) > keep; at = all.erase(at)) {
    std::error_code error;
    std::filesystem::remove(at->second, error);
    require<OutputError>(!error, "{}: cannot be removed: {}", at->second.string(), error.message());
  }
}

std::optional<std::filesystem::path> checkpoint_upto(const std::filesystem::path& run,
                                                     int64_t step) {
  const auto all = checkpoints_of(run);
  const auto above = all.upper_bound(step);
  if (above == all.begin()) return {};
  return std::prev(above)->second;
}

std::optional<std::filesystem::path> checkpoint_from(const std::filesystem::path& run,
                                                     int64_t step) {
  const auto all = checkpoints_of(run);
  const auto at = all.lower_bound(step);
  if (at == all.end()) return {};
  return at->second;
}

Options read_config(const std::filesystem::path& run) {
  const std::filesystem::path path = run / "config.json";
  const std::vector<std::byte> text = read_file(path);
  try {
    const char* begin = reinterpret_cast<const char*>(text.data());
    return options_from_json(parse_json({begin, text.size()}));
  } catch (const nlohmann::json::exception& e) {
    throw DataError(fmt::format("{}: {}", path.string(), e.what()));
  } catch (const DataError& e) {
    throw DataError(fmt::format("{}: {}", path.string(), e.what()));
  }
}

int64_t first_step(const std::filesystem::path& run) {
  return std::max<int64_t>(number_or(read_json_object(run / "config.json"), kFirstStep, int64_t{0}),
                           0);
}

std::optional<std::filesystem::path> run_of(const std::filesystem::path& checkpoint) {
  const std::filesystem::path folder = std::filesystem::absolute(checkpoint).parent_path();
  std::error_code error;
  if (folder.filename() != "checkpoints" ||
      !std::filesystem::exists(folder.parent_path() / "config.json", error))
    return {};
  return folder.parent_path();
}

bool continues_run(const Checkpoint& c, const std::filesystem::path& run) {
  std::error_code error;
  if (!std::filesystem::exists(run / "config.json", error)) return false;
  const auto own = run_of(c.path);
  require<UsageError>(own && std::filesystem::equivalent(*own, run, error),
                      "--resume {}: {} holds another run; give --out a new folder", c.path.string(),
                      run.string());
  const auto newest = checkpoint_upto(run, kAnyStep);
  require<UsageError>(!newest || checkpoint_upto(run, c.step) == newest,
                      "--resume {}: the run has gone on to {}; resume from that, or give --out a "
                      "new folder",
                      c.path.string(), newest ? newest->filename().string() : "");
  require_agreement(c, run);
  return true;
}

void require_same_network(const Checkpoint& c, const Options& asked) {
  const nlohmann::ordered_json there = to_json(c.options), here = to_json(asked);
  for (const char* key : kNetworkKeys)
    require<DataError>(there[key] == here[key],
                       "{}: of another architecture than this run: {} is {} there, {} here",
                       c.path.string(), key, there[key].dump(), here[key].dump());
}

void require_same_run(const Checkpoint& c, const Options& asked) {
  const nlohmann::ordered_json there = to_json(c.options), here = to_json(asked);
  for (const char* key : kRunKeys)
    require<UsageError>(there[key] == here[key],
                        "--resume {}: {} is {} there, {} here; a run keeps it", c.path.string(),
                        key, there[key].dump(), here[key].dump());
}

std::vector<std::string> changed_settings(const Checkpoint& c, const Options& asked) {
  const nlohmann::ordered_json there = to_json(c.options), here = to_json(asked);
  std::vector<std::string> changes;
  for (const auto& [key, value] : here.items())
    if (there[key] != value)
      changes.push_back(fmt::format("{} {} -> {}", key, there[key].dump(), value.dump()));
  return changes;
}

}  // namespace gradus::ssgan
