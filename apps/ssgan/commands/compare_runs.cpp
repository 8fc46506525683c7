#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/report/run_comparison.h"
#include "apps/ssgan/utf8.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

using Json = nlohmann::ordered_json;

Json number_of(double v) { return std::isfinite(v) ? Json(v) : Json(nullptr); }

Json to_json(const Spread& s) {
  return {{"runs", s.count},
          {"mean", number_of(s.mean)},
          {"deviation", number_of(s.deviation)},
          {"lowest", number_of(s.lowest)},
          {"highest", number_of(s.highest)}};
}

Json to_json(const RunComparison& c) {
  Json json{{"differing", c.keys}, {"runs", Json::array()}, {"groups", Json::array()}};
  for (const ComparedRun& r : c.runs) {
    Json settings = Json::object();
    for (const std::string& key : c.keys)
      if (r.record.config.contains(key)) settings[key] = r.record.config[key];
    json["runs"].push_back({{"run", r.name},
                            {"settings", settings},
                            {"complete", r.results.final},
                            {"steps", number_of(r.results.steps)},
                            {"test_accuracy", number_of(r.results.test_accuracy)},
                            {"train_accuracy", number_of(r.results.train_accuracy)},
                            {"best_validation_accuracy", number_of(r.results.best_accuracy)},
                            {"baseline_accuracy", number_of(r.results.baseline_accuracy)}});
  }
  for (const RunGroup& g : c.groups) {
    Json names = Json::array();
    for (const size_t i : g.runs) names.push_back(c.runs[i].name);
    json["groups"].push_back({{"settings", g.name},
                              {"runs", names},
                              {"test_accuracy", to_json(g.test_accuracy)},
                              {"baseline_accuracy", to_json(g.baseline_accuracy)}});
  }
  return json;
}

std::string cell(double v) { return std::isfinite(v) ? fmt::format("{:.4f}", v) : "-"; }

std::string text(const Spread& s) {
  if (s.count < 2) return cell(s.mean);
  return fmt::format("{:.4f} +- {:.4f} ({:.4f} to {:.4f})", s.mean, s.deviation, s.lowest,
                     s.highest);
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    line.resize(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  }
}

void print(const RunComparison& c) {
  std::vector<std::vector<std::string>> rows{{"run"}};
  for (const std::string& key : c.keys) rows[0].push_back(printable(key));
  for (const char* name : {"steps", "test", "baseline"}) rows[0].push_back(name);
  for (const ComparedRun& r : c.runs) {
    std::vector<std::string> row{printable(r.name)};
    for (const std::string& value : r.settings)
      row.push_back(value.empty() ? "-" : printable(value));
    row.push_back(std::isfinite(r.results.steps)
                      ? fmt::format("{:.0f}{}", r.results.steps, r.results.final ? "" : " so far")
                      : "-");
    row.push_back(cell(r.results.test_accuracy));
    row.push_back(cell(r.results.baseline_accuracy));
    rows.push_back(std::move(row));
  }
  print_table(rows);
  fmt::print("\n");
  for (const RunGroup& g : c.groups)
    fmt::print("{}: {} run{}; test {}; baseline {}\n", printable(g.name), g.runs.size(),
               g.runs.size() == 1 ? "" : "s", text(g.test_accuracy), text(g.baseline_accuracy));
}

}  // namespace

void add_compare_runs(CLI::App& program, Chosen& chosen) {
  struct Flags {
    std::vector<std::string> runs;
    std::string html;
    bool json = false;
  };
  CLI::App* app = add_command(program, "compare-runs",
                              "Runs beside each other: settings that differ, scores over seeds",
                              "ssgan compare-runs runs/a runs/b --html runs.html");
  auto f = std::make_shared<Flags>();
  app->add_option("runs", f->runs, "Folders of runs")->required();
  app->add_option("--html", f->html, "Write a page with their curves over each other");
  app->add_flag("--json", f->json, "Print the result as JSON");
  app->callback([f, &chosen] {
    chosen = [f] {
      const RunComparison c = compare_runs({f->runs.begin(), f->runs.end()});
      if (!f->html.empty()) write_file(f->html, std::string_view(comparison_page(c)));
      if (f->json)
        fmt::print("{}\n", to_json(c).dump(-1, ' ', false, Json::error_handler_t::replace));
      else
        print(c);
      if (!f->html.empty() && !f->json) fmt::print("\n{}\n", printable(f->html));
      return kDone;
    };
  });
}

}  // namespace gradus::ssgan
