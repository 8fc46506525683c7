#include "apps/ssgan/report/run_record.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "apps/ssgan/json.h"
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

/// False where the bytes are no PNG; its size stands at the start of the first chunk.
bool read_size(Sample& sample) {
  constexpr unsigned char kSignature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  constexpr size_t kWidthAt = 16, kHeightAt = 20, kEnd = 24;
  if (sample.png.size() < kEnd || std::memcmp(sample.png.data(), kSignature, 8) != 0) return false;
  const auto big_endian = [&](size_t at) {
    uint32_t value = 0;
    for (size_t i = at; i < at + 4; ++i)
      value = value << 8 | std::to_integer<uint32_t>(sample.png[i]);
    return value;
  };
  sample.width = big_endian(kWidthAt);
  sample.height = big_endian(kHeightAt);
  return true;
}

std::vector<Sample> read_samples(const fs::path& folder, size_t most,
                                 std::vector<std::string>& notes) {
  std::vector<std::pair<int64_t, fs::path>> files;
  if (fs::is_directory(folder))
    for (const auto& entry : fs::directory_iterator(folder))
      if (const int64_t epoch = epoch_of(entry.path().filename().string()); epoch >= 0)
        files.emplace_back(epoch, entry.path());
  std::ranges::sort(files);

  std::vector<Sample> samples;
  const size_t count = std::min(most, files.size());
  for (size_t i = 0; i < count; ++i) {
    const size_t at = count == 1 ? 0 : (i * (files.size() - 1) + (count - 1) / 2) / (count - 1);
    Sample sample{files[at].first, read_file(files[at].second), 0, 0};
    if (read_size(sample))
      samples.push_back(std::move(sample));
    else
      notes.push_back("samples/" + files[at].second.filename().string() +
                      " is not a PNG file and is left out.");
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
  out.epochs = keep_table("epochs.csv",
                          read_csv(run / "epochs.csv",
                                   {"epoch", "step", "lr", "d_real", "d_fake", "d_class", "d", "g",
                                    "train_accuracy", "test_accuracy", "seconds"},
                                   "epoch"),
                          out.notes);
  out.metrics = keep_table(
      "metrics.jsonl",
      read_json_lines(run / "metrics.jsonl",
                      {"step", "epoch", "lr", "d_real", "d_fake", "d_class", "d", "g"}, "step"),
      out.notes);
  out.samples = read_samples(run / "samples", most_samples, out.notes);
  return out;
}

}  // namespace gradus::ssgan
