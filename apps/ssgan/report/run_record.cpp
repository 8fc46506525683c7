#include "apps/ssgan/report/run_record.h"

#include <algorithm>
#include <charconv>
#include <new>
#include <system_error>
#include <utility>

#include "apps/ssgan/json.h"
#include "nn/data/png.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

namespace fs = std::filesystem;

nlohmann::ordered_json read_object(const fs::path& path, std::vector<std::string>& notes) {
  auto object = nlohmann::ordered_json::object();
  if (!fs::exists(path)) return object;
  const auto bytes = read_file(path);
  auto json = parse_json_object({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (json.is_object()) return json;
  notes.push_back(path.filename().string() + " is not a JSON object and is left out.");
  return object;
}

Table keep_table(const char* file, Log log, std::vector<std::string>& notes) {
  if (log.skipped > 0)
    notes.push_back(fmt::format("{} {} of {} could not be read and {} left out.", log.skipped,
                                log.skipped == 1 ? "line" : "lines", file,
                                log.skipped == 1 ? "is" : "are"));
  return std::move(log.table);
}

/// The number in "epoch_NNN.png", or -1.
int64_t epoch_of(const std::string& file) {
  constexpr std::string_view kPrefix = "epoch_", kSuffix = ".png";
  std::string_view digits = file;
  if (!digits.starts_with(kPrefix) || !digits.ends_with(kSuffix)) return -1;
  digits.remove_prefix(kPrefix.size());
  digits.remove_suffix(std::min(kSuffix.size(), digits.size()));
  int64_t epoch = -1;
  const char* end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, epoch);
  return result.ec == std::errc() && result.ptr == end && epoch >= 0 ? epoch : -1;
}

/// Nothing, and a note, where the file is no whole PNG; nothing where it is missing.
Picture read_picture_of(const fs::path& run, const fs::path& name,
                        std::vector<std::string>& notes) {
  if (!fs::exists(run / name)) return {};
  const auto bytes = read_file(run / name);
  try {
    return decode_png(bytes, name.string());
  } catch (const DataError&) {
    notes.push_back(name.string() + " is not a whole PNG file and is left out.");
    return {};
  }
}

std::vector<Sample> read_samples(const fs::path& run, size_t most,
                                 std::vector<std::string>& notes) {
  const fs::path folder = run / "samples";
  std::vector<std::pair<int64_t, fs::path>> files;
  std::error_code error;
  if (fs::is_directory(folder, error)) {
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
      if (const int64_t epoch = epoch_of(it->path().filename().string()); epoch >= 0)
        files.emplace_back(epoch, it->path());
    if (error == std::errc::not_enough_memory) throw std::bad_alloc();
    require<ReadError>(!error, "{}: cannot be read: {}", folder.string(), error.message());
  }
  std::ranges::sort(files);

  std::vector<Sample> samples;
  const size_t count = std::min(most, files.size());
  for (size_t i = 0; i < count; ++i) {
    const size_t at = count == 1 ? 0 : (i * (files.size() - 1) + (count - 1) / 2) / (count - 1);
    Picture picture = read_picture_of(run, "samples" / files[at].second.filename(), notes);
    if (!picture.rgb.empty()) samples.push_back({files[at].first, std::move(picture)});
  }
  return samples;
}

}  // namespace

RunRecord read_run_record(const fs::path& run, size_t most_samples) {
  require<DataError>(fs::is_directory(run), "{}: there is no such run folder", run.string());
  RunRecord out;
  out.name = fs::canonical(run).filename().string();
  out.summary = read_object(run / "summary.json", out.notes);
  out.config = read_object(run / "config.json", out.notes);
  out.scores = read_object(run / "scores.json", out.notes);
  out.inspection = read_object(run / "inspection.json", out.notes);
  const auto epochs_of = [&](const char* file) {
    return keep_table(
        file,
        read_csv(run / file,
                 {"epoch", "step", "lr", "d_real", "d_fake", "d_class", "d", "g", "train_accuracy",
                  "test_accuracy", "validation_accuracy", "seconds"},
                 "epoch"),
        out.notes);
  };
  out.epochs = epochs_of("epochs.csv");
  out.baseline = epochs_of("baseline/epochs.csv");
  out.metrics = keep_table(
      "metrics.jsonl",
      read_json_lines(run / "metrics.jsonl",
                      {"step", "epoch", "lr", "d_real", "d_fake", "d_class", "d", "g"}, "step"),
      out.notes);
  out.samples = read_samples(run, most_samples, out.notes);
  out.real = read_picture_of(run, "real.png", out.notes);
  out.mistakes = read_picture_of(run, "mistakes.png", out.notes);
  return out;
}

}  // namespace gradus::ssgan
