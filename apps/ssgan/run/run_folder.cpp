#include "apps/ssgan/run/run_folder.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "nn/data/png.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEpochColumns =
    "epoch,step,lr,d_real,d_fake,d_class,d,g,train_accuracy,test_accuracy,seconds\n";

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  require<OutputError>(!error, "{}: cannot make this folder: {}", path.string(), error.message());
}

void write_text(const fs::path& path, const std::string& text) {
  write_file(path, std::as_bytes(std::span(text)));
}

/// A number, or nothing where there is none.
std::string cell(double value) { return std::isnan(value) ? "" : fmt::format("{:.6g}", value); }

/// Keeps the lines for which `keep` holds.
void filter_lines(const fs::path& path, const std::function<bool(const std::string&)>& keep) {
  std::ifstream in(path);
  if (!in) return;
  std::string kept;
  for (std::string line; std::getline(in, line);)
    if (keep(line)) kept += line + "\n";
  in.close();
  write_text(path, kept);
}

bool metrics_line_upto(const std::string& line, int64_t step) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  return json.is_object() && json.contains("step") && json["step"].is_number_integer() &&
         json["step"].get<int64_t>() <= step;
}

bool epoch_line_upto(const std::string& line, int64_t step) {
  long long epoch, at;
  if (std::sscanf(line.c_str(), "%lld,%lld,", &epoch, &at) == 2) return at <= step;
  return line.starts_with("epoch,");
}

bool holds_run(const fs::path& path) {
  std::error_code error;
  return fs::exists(path / "config.json", error);
}

void remove_run(const fs::path& path) {
  for (const char* name : {"config.json", "metrics.jsonl", "epochs.csv", "log.txt", "tb", "samples",
                           "checkpoints", "summary.json", "report.html", "baseline"}) {
    std::error_code error;
    fs::remove_all(path / name, error);
    require<OutputError>(!error, "{}: cannot be removed: {}", (path / name).string(),
                         error.message());
  }
}

}  // namespace

void RunFolder::Lines::open(const fs::path& path, const char* mode) {
  name_ = path.string();
  file_.reset(std::fopen(name_.c_str(), mode));
  require<OutputError>(file_ != nullptr, "{}: cannot be written: {}", name_, std::strerror(errno));
}

void RunFolder::Lines::write(const std::string& text) {
  const bool ok = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size() &&
                  std::fflush(file_.get()) == 0;
  require<OutputError>(ok, "{}: cannot be written: {}", name_, std::strerror(errno));
}

void RunFolder::require_startable(const fs::path& path, Start start) {
  require<OutputError>(start != Start::fresh || !holds_run(path),
                       "{}: it already holds a run; go on with --resume, or replace it with "
                       "--overwrite",
                       path.string());
}

RunFolder::RunFolder(fs::path path, const Options& options, Start start, int64_t step)
    : path_(std::move(path)) {
  require_startable(path_, start);
  if (start == Start::overwrite && holds_run(path_)) remove_run(path_);
  for (const char* folder : {"", "samples", "checkpoints", "tb"}) make_folder(path_ / folder);
  if (start == Start::resume) {
    filter_lines(path_ / "metrics.jsonl",
                 [step](const std::string& line) { return metrics_line_upto(line, step); });
    filter_lines(path_ / "epochs.csv",
                 [step](const std::string& line) { return epoch_line_upto(line, step); });
  }
  write_text(path_ / "config.json", to_json(options).dump(2) + "\n");
  log_.open(path_ / "log.txt", "a");
  metrics_.open(path_ / "metrics.jsonl", "a");
  std::error_code error;  // of a file that is not there yet
  const bool has_header = fs::file_size(path_ / "epochs.csv", error) > 0 && !error;
  epochs_.open(path_ / "epochs.csv", "a");
  if (!has_header) epochs_.write(kEpochColumns);
  board_ = std::make_unique<TensorBoardWriter>(path_ / "tb");
}

fs::path RunFolder::checkpoint_path(int64_t step) const {
  return path_ / "checkpoints" / fmt::format("step_{:08}.safetensors", step);
}

void RunFolder::log(const std::string& line) { log_.write(line + "\n"); }

void RunFolder::metrics(int64_t epoch, int64_t step, double lr, const Metrics& m) {
  nlohmann::ordered_json json{{"step", step}, {"epoch", epoch}, {"lr", lr}};
  const std::pair<const char*, double> values[] = {{"d_real", m.d_real},
                                                   {"d_fake", m.d_fake},
                                                   {"d_class", m.d_class},
                                                   {"d", m.d},
                                                   {"g", m.g},
                                                   {"correct", m.correct},
                                                   {"masked_correct", m.masked_correct}};
  for (const auto& [name, value] : values)
    if (!std::isnan(value)) json[name] = value;
  metrics_.write(json.dump() + "\n");
}

void RunFolder::epoch(const EpochRow& r) {
  epochs_.write(fmt::format("{},{},{},{},{},{},{},{},{},{},{:.3f}\n", r.epoch, r.step, cell(r.lr),
                            cell(r.d_real), cell(r.d_fake), cell(r.d_class), cell(r.d), cell(r.g),
                            cell(r.train_accuracy), cell(r.test_accuracy), r.seconds));
  const std::pair<const char*, double> values[] = {{"loss/d_real", r.d_real},
                                                   {"loss/d_fake", r.d_fake},
                                                   {"loss/d_class", r.d_class},
                                                   {"loss/d", r.d},
                                                   {"loss/g", r.g},
                                                   {"lr", r.lr},
                                                   {"accuracy/train", r.train_accuracy},
                                                   {"accuracy/test", r.test_accuracy}};
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

void RunFolder::summary(const std::string& json) { write_text(path_ / "summary.json", json); }

}  // namespace gradus::ssgan
