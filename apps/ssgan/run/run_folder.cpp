#include "apps/ssgan/run/run_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "apps/ssgan/errors.h"
#include "apps/ssgan/json.h"
#include "apps/ssgan/run/json_file.h"
#include "apps/ssgan/run/run_files.h"
#include "apps/ssgan/run/run_logs.h"
#include "nn/data/png.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

namespace fs = std::filesystem;

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  require<OutputError>(!error, "{}: cannot make this folder: {}", path.string(), error.message());
}

/// A number, or nothing where there is none.
std::string cell(double value) { return std::isnan(value) ? "" : fmt::format("{:.6g}", value); }

/// Of those that are called as a run's.
std::string first_file(const fs::path& run) {
  const auto files = files_of_run(run);
  return files.empty() ? "config.json" : files.front().lexically_relative(run).string();
}

void require_kind(const fs::path& path, RunStart::Kind kind) {
  const Holds holds = what_holds(path);
  const std::string name = path.string();
  require<OutputError>(kind != RunStart::Kind::fresh || holds != Holds::run,
                       "{}: it already holds a run; go on with --resume, or replace it with "
                       "--overwrite",
                       name);
  require<OutputError>(kind == RunStart::Kind::overwrite || holds != Holds::replaced,
                       "{}: the run there was being replaced when the program ended; start the new "
                       "one again, with --overwrite",
                       name);
  require<OutputError>(holds != Holds::others,
                       "{}: it holds files called as a run's ({}), but no config.json of a run; "
                       "nothing is touched: choose another folder",
                       name, first_file(path));
  std::error_code error;  // where it is missing
  require<OutputError>(
      kind != RunStart::Kind::fresh || fs::is_empty(path / "checkpoints", error) || error,
      "{}: its checkpoints/ is not empty; nothing is touched: choose another folder", name);
}

}  // namespace

void RunFolder::require_startable(const fs::path& path, RunStart::Kind kind) {
  std::error_code error;
  require<UsageError>(!fs::equivalent(path, "/", error),
                      "--out {}: a run needs a folder of its own", path.string());
  if (!fs::is_directory(path, error)) return;
  const RunLock probe(path);
  require_kind(path, kind);
}

fs::path RunFolder::make_new(const fs::path& path) {
  if (path.has_parent_path()) make_folder(path.parent_path());
  for (int n = 1;; ++n) {
    const fs::path name = n == 1 ? path : fs::path(fmt::format("{}-{}", path.string(), n));
    if (::mkdir(name.c_str(), 0777) == 0) return name;
    require<OutputError>(errno == EEXIST, "{}: cannot make this folder: {}", name.string(),
                         std::strerror(errno));
  }
}

RunFolder::RunFolder(fs::path path, const Options& options, const RunConditions& now,
                     const RunStart& start)
    : path_(std::move(path)),
      columns_(options.validation ? kValidationColumns : kEpochColumns),
      first_step_(start.step) {
  make_folder(path_);
  lock_ = std::make_unique<RunLock>(path_);
  require_kind(path_, start.kind);
  const Holds holds = what_holds(path_);
  if (start.kind == RunStart::Kind::resume && holds == Holds::run) resume(now, start);
  if (start.kind == RunStart::Kind::overwrite && holds != Holds::nothing) remove_run(path_);
  remove_temporaries(path_);
  auto config = to_json(options);
  config["threads"] = now.threads;
  config["device"] = now.device;
  config["ranks"] = now.ranks;
  config["program"] = now.program;
  config["libraries"] = now.libraries;
  config["save_every"] = now.save_every;
  config["keep"] = now.keep;
  config[kFirstStep] = first_step_;
  write_json(path_ / "config.json", config);
  for (const char* folder : {"samples", "checkpoints", "tb"}) make_folder(path_ / folder);
  log_ = std::make_unique<GrowingFile>(path_ / "log.txt");
  metrics_ = std::make_unique<GrowingFile>(path_ / "metrics.jsonl");
  epochs_ = std::make_unique<GrowingFile>(path_ / "epochs.csv");
  if (epochs_->size() == 0) epochs_->append(columns_ + "\n");
  board_ = std::make_unique<TensorBoardWriter>(path_ / "tb");
}

void RunFolder::resume(const RunConditions& now, const RunStart& start) {
  if (const auto later = checkpoint_from(path_, start.step + 1))
    require<OutputError>(std::ranges::count(start.damaged, *later) > 0,
                         "{}: the run has gone on to {} meanwhile", path_.string(),
                         later->filename().string());
  const auto config = read_json_object(path_ / "config.json");
  first_step_ = std::min(first_step(path_), start.step);
  const auto changed = [&](const char* what, const auto& from, const auto& to) {
    if (from != to)
      notes_.push_back(
          fmt::format("{} {} -> {}: the bits may differ from those of a run that was not stopped",
                      what, from, to));
  };
  changed("threads", number_or(config, "threads", now.threads), now.threads);
  changed("ranks", number_or(config, "ranks", int64_t{1}), now.ranks);
  if (config.contains("device") && config["device"].is_string())
    changed("device", config["device"].get<std::string>(), now.device);
  if (config.contains("program") && config["program"].is_string())
    changed("program", config["program"].get<std::string>(), now.program);
  for (std::string& note : cut_logs(path_, first_step_, start.step, start.per_epoch, columns_))
    notes_.push_back(std::move(note));
  for (const fs::path& file : start.damaged) {
    const std::string aside = file.string() + ".damaged";
    require<OutputError>(::rename(file.c_str(), aside.c_str()) == 0, "{}: cannot be renamed: {}",
                         file.string(), std::strerror(errno));
  }
  prune_checkpoints(path_, now.keep, first_step_);  // the last session may have ended before it did
}

void RunFolder::log(const std::string& line) { log_->append(line + "\n"); }

void RunFolder::metrics(int64_t epoch, int64_t step, double lr, const Metrics& m) {
  nlohmann::ordered_json json{{"step", step}, {"epoch", epoch}, {"lr", lr}};
  const std::pair<const char*, double> values[] = {{"d_real", m.d_real},
                                                   {"d_fake", m.d_fake},
                                                   {"d_class", m.d_class},
                                                   {"d", m.d},
                                                   {"g", m.g},
                                                   {"consistency", m.consistency},
                                                   {"confident", m.confident},
                                                   {"correct", m.correct},
                                                   {"masked_correct", m.masked_correct}};
  for (const auto& [name, value] : values)
    if (!std::isnan(value)) json[name] = value;
  metrics_->append(json.dump() + "\n");
}

void RunFolder::epoch(const EpochRow& r) {
  std::string row = fmt::format("{},{}", r.epoch, r.step);
  for (const double value :
       {r.lr, r.d_real, r.d_fake, r.d_class, r.d, r.g, r.train_accuracy, r.test_accuracy})
    row += "," + cell(value);
  if (columns_ == kValidationColumns) row += "," + cell(r.validation_accuracy);
  epochs_->append(fmt::format("{},{:.3f}\n", row, r.seconds));
  const std::pair<const char*, double> values[] = {{"loss/d_real", r.d_real},
                                                   {"loss/d_fake", r.d_fake},
                                                   {"loss/d_class", r.d_class},
                                                   {"loss/d", r.d},
                                                   {"loss/g", r.g},
                                                   {"lr", r.lr},
                                                   {"accuracy/train", r.train_accuracy},
                                                   {"accuracy/test", r.test_accuracy},
                                                   {"accuracy/validation", r.validation_accuracy}};
  for (const auto& [tag, value] : values)
    if (!std::isnan(value)) board_->scalar(tag, value, r.step);
  board_->flush();
}

void RunFolder::samples(int64_t epoch, int64_t step, const Picture& picture) {
  const std::vector<uint8_t> png = encode_png(picture);
  write_file(path_ / "samples" / fmt::format("epoch_{:03}.png", epoch),
             std::as_bytes(std::span(png)));
  board_->image("samples", png, picture.width, picture.height, step);
}

void RunFolder::checkpoint(const Checkpoint& c, const RunSummary& summary, bool is_best,
                           int64_t keep) {
  log_->sync();
  metrics_->sync();
  epochs_->sync();
  board_->flush();
  write_checkpoint(checkpoint_path(path_, c.step), c);
  if (is_best) write_checkpoint(best_checkpoint_path(path_), c);
  write_summary(path_, summary);
  prune_checkpoints(path_, keep, first_step_);
}

}  // namespace gradus::ssgan
