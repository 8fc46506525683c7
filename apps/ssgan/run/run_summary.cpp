#include "apps/ssgan/run/run_summary.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/ssgan/run/json_file.h"

namespace gradus::ssgan {

void write_summary(const std::filesystem::path& folder, const RunSummary& s) {
  nlohmann::ordered_json json{
      {"protocol", s.protocol},           {"steps", s.steps},
      {"total_steps", s.total_steps},     {"seconds", s.seconds},
      {"epoch_seconds", s.epoch_seconds}, {"train_accuracy", s.train_accuracy},
      {"test_accuracy", s.test_accuracy}, {"complete", s.complete}};
  if (s.best_step > 0) {
    json["best_accuracy"] = s.best_accuracy;
    json["best_step"] = s.best_step;
  }
  if (!std::isnan(s.baseline_accuracy)) json["baseline_accuracy"] = s.baseline_accuracy;
  if (!std::isnan(s.without_gan_accuracy)) json["without_gan_accuracy"] = s.without_gan_accuracy;
  write_json(folder / "summary.json", json);
}

std::optional<RunSummary> read_summary(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::exists(folder / "summary.json", error)) return {};
  const auto json = read_json_object(folder / "summary.json");
  if (json.empty()) return {};
  const auto number = [&](const char* key, double otherwise) {
    return json.contains(key) && json[key].is_number() ? json[key].get<double>() : otherwise;
  };
  RunSummary s;
  if (json.contains("protocol") && json["protocol"].is_string())
    s.protocol = json["protocol"].get<std::string>();
  s.steps = static_cast<int64_t>(std::clamp(number("steps", 0), 0.0, 1e15));
  s.total_steps = static_cast<int64_t>(std::clamp(number("total_steps", 0), 0.0, 1e15));
  s.seconds = number("seconds", 0);
  s.epoch_seconds = number("epoch_seconds", 0);
  s.train_accuracy = number("train_accuracy", NAN);
  s.test_accuracy = number("test_accuracy", NAN);
  s.best_accuracy = number("best_accuracy", NAN);
  s.best_step = static_cast<int64_t>(std::clamp(number("best_step", 0), 0.0, 1e15));
  s.baseline_accuracy = number("baseline_accuracy", NAN);
  s.without_gan_accuracy = number("without_gan_accuracy", NAN);
  // Version 0.1.0 wrote the file at the end only.
  s.complete = !json.contains("complete") || json["complete"] == true;
  return s;
}

}  // namespace gradus::ssgan
