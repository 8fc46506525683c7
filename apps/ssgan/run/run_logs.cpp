#include "apps/ssgan/run/run_logs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>

#include "apps/ssgan/json.h"
#include "apps/ssgan/report/tensorboard_records.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

namespace fs = std::filesystem;

/// Lines by what they are of: a step, or an epoch.
using Lines = std::map<int64_t, std::string>;

/// "" where the file is missing.
std::string read_text(const fs::path& path) {
  if (std::error_code error; !fs::exists(path, error) && !error) return {};
  const auto bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Visit>
void for_whole_lines(std::string_view text, const Visit& visit) {
  for (size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1))
    visit(text.substr(0, end));
}

Lines metrics_of(std::string_view text, int64_t last) {
  Lines lines;
  for_whole_lines(text, [&](std::string_view line) {
    const auto json = parse_json_object(line);
    if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) return;
    const auto step = json["step"].get<int64_t>();
    if (step >= 1 && step <= last) lines[step] = line;
  });
  return lines;
}

/// Whole rows: a torn "4,8" would pass for step 8.
Lines epochs_of(std::string_view text, int64_t last, std::string_view columns) {
  Lines lines;
  const auto commas = std::ranges::count(columns, ',');
  for_whole_lines(text, [&](std::string_view line) {
    if (std::ranges::count(line, ',') != commas) return;
    int64_t epoch = -1, step = -1;
    const char* const end = line.data() + line.size();
    const auto first = std::from_chars(line.data(), end, epoch);
    if (first.ec != std::errc() || first.ptr == end) return;
    const auto second = std::from_chars(first.ptr + 1, end, step);
    if (second.ec == std::errc() && *second.ptr == ',' && epoch >= 0 && step >= 1 && step <= last)
      lines[epoch] = line;
  });
  return lines;
}

std::string joined(const Lines& lines) {
  std::string text;
  for (const auto& [key, line] : lines) text += line + "\n";
  return text;
}

/// "metrics.jsonl: steps 43 to 200 are missing", of the keys from `begin` to `end` - 1.
void note_gaps(const char* file, const char* what, const Lines& lines, int64_t begin, int64_t end,
               std::vector<std::string>& notes) {
  const auto note = [&](int64_t from, int64_t to) {
    if (from == to) notes.push_back(fmt::format("{}: {} {} is missing", file, what, from));
    if (from < to)
      notes.push_back(fmt::format("{}: {}s {} to {} are missing", file, what, from, to));
  };
  for (auto at = lines.lower_bound(begin); at != lines.end() && at->first < end; ++at) {
    note(begin, at->first - 1);
    begin = at->first + 1;
  }
  note(begin, end - 1);
}

}  // namespace

std::vector<std::string> cut_logs(const fs::path& folder, int64_t first, int64_t step,
                                  int64_t per_epoch, std::string_view columns) {
  std::map<fs::path, std::string> before, after;
  const auto load = [&](const fs::path& path) { return before[path] = read_text(path); };
  const fs::path metrics_file = folder / "metrics.jsonl", epochs_file = folder / "epochs.csv";
  const Lines metrics = metrics_of(load(metrics_file), step);
  const Lines epochs = epochs_of(load(epochs_file), step, columns);
  after[metrics_file] = joined(metrics);
  after[epochs_file] = fmt::format("{}\n{}", columns, joined(epochs));
  std::string log = load(folder / "log.txt");
  if (!log.empty() && !log.ends_with('\n')) log += '\n';
  after[folder / "log.txt"] = log;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder / "tb", error))
    if (entry.path().filename().string().starts_with("events.out.tfevents."))
      after[entry.path()] = records_upto(load(entry.path()), step);

  for (const auto& [path, text] : after)
    if (text != before[path]) write_file(path, std::string_view(text));
  std::vector<std::string> notes;
  note_gaps("metrics.jsonl", "step", metrics, first + 1, step + 1, notes);
  note_gaps("epochs.csv", "epoch", epochs, first / per_epoch, step / per_epoch, notes);
  return notes;
}

}  // namespace gradus::ssgan
