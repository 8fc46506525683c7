#include "apps/ssgan/report/run_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>

#include "apps/ssgan/report/chart.h"
#include "apps/ssgan/report/page.h"
#include "apps/ssgan/report/sections.h"
#include "apps/ssgan/report/text.h"
#include "tensor/error.h"

namespace gradus::ssgan {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostPoints = 300;

/// Of config.json what says how or where a run was computed, and not what.
constexpr std::string_view kConditions[] = {"first_step", "threads",  "device",     "program",
                                            "libraries",  "data_dir", "save_every", "keep"};

/// What a run was told to compute.
std::map<std::string, std::string> settings_of(const Json& config) {
  std::map<std::string, std::string> all;
  for (const auto& [key, value] : config.items())
    if (std::ranges::count(kConditions, key) == 0 && !value.is_object())
      all[key] = value.is_string() ? value.get<std::string>() : value.dump();
  return all;
}

/// The mean, at each x that a run has, of those that have it.
std::vector<Point> mean_of(const std::vector<std::vector<Point>>& curves) {
  std::map<double, std::pair<double, int>> sums;
  for (const auto& curve : curves)
    for (const Point& p : curve)
      if (std::isfinite(p.y)) sums[p.x].first += p.y, ++sums[p.x].second;
  std::vector<Point> mean;
  for (const auto& [x, sum] : sums) mean.push_back({x, sum.first / sum.second});
  return mean;
}

/// Of up to kMaxSeries groups from `first` on.
std::string chart_of(const RunComparison& c, size_t first, Chart chart, bool by_step,
                     const char* column) {
  chart.id += fmt::format("-{}", first);
  size_t longest = 0;
  for (const ComparedRun& run : c.runs) longest = std::max(longest, run.record.metrics.rows.size());
  // The same steps are one point of each run, or the mean at an x would be of now this run, now
  // that.
  const size_t together = std::max<size_t>(1, (longest + kMostPoints - 1) / kMostPoints);
  for (size_t g = first; g < std::min(first + kMaxSeries, c.groups.size()); ++g) {
    Series s{c.groups[g].name, {}};
    for (const size_t i : c.groups[g].runs) {
      const RunRecord& run = c.runs[i].record;
      const Table table = by_step ? grouped_rows(run.metrics, together) : run.epochs;
      s.pale.push_back(series(table, "", by_step ? "step" : "epoch", column).points);
    }
    s.points = mean_of(s.pale);
    if (by_step) s.points = smoothed(s.points, 5);
    if (c.groups[g].runs.size() == 1 && !by_step) s.pale.clear();
    if (!s.points.empty()) chart.series.push_back(std::move(s));
  }
  return draw_chart(chart);
}

/// By those settings, in their order, that tell groups apart which the ones before do not.
void name_groups(RunComparison& c) {
  std::vector<std::string> names(c.groups.size());
  const auto distinct = [](const std::vector<std::string>& all) {
    return std::set(all.begin(), all.end()).size();
  };
  for (size_t k = 0; k < c.keys.size(); ++k) {
    if (c.keys[k] == "seed") continue;
    std::vector<std::string> longer = names;
    for (size_t g = 0; g < longer.size(); ++g) {
      const std::string& value = c.runs[c.groups[g].runs.front()].settings[k];
      longer[g] += fmt::format("{}{} {}", longer[g].empty() ? "" : ", ", c.keys[k],
                               value.empty() ? "–" : value);
    }
    if (distinct(longer) > distinct(names)) names = longer;
  }
  for (size_t g = 0; g < names.size(); ++g)
    c.groups[g].name = names[g].empty() ? "all runs" : names[g];
}

std::string row_of(const std::vector<std::string>& cells, const char* tag) {
  std::string out = "<tr>";
  for (const std::string& cell : cells)
    out += fmt::format("<{}>{}</{}>", tag, escape_html(cell), tag);
  return out + "</tr>\n";
}

std::string table_of(const std::vector<std::string>& head,
                     const std::vector<std::vector<std::string>>& rows) {
  std::string out =
      "<div class=\"card\"><table>\n<thead>" + row_of(head, "th") + "</thead>\n<tbody>\n";
  for (const auto& row : rows) out += row_of(row, "td");
  return out + "</tbody>\n</table></div>\n";
}

}  // namespace

Spread spread_of(const std::vector<double>& values) {
  Spread s{0, 0, 0, HUGE_VAL, -HUGE_VAL};
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    ++s.count;
    s.mean += v;
    s.lowest = std::min(s.lowest, v);
    s.highest = std::max(s.highest, v);
  }
  if (s.count == 0) return {0, NAN, NAN, NAN, NAN};
  s.mean /= static_cast<double>(s.count);
  for (const double v : values)
    if (std::isfinite(v)) s.deviation += (v - s.mean) * (v - s.mean);
  s.deviation = s.count > 1 ? std::sqrt(s.deviation / static_cast<double>(s.count - 1)) : NAN;
  return s;
}

RunComparison compare_runs(const std::vector<std::filesystem::path>& folders) {
  RunComparison out;
  std::vector<std::map<std::string, std::string>> settings;
  std::map<std::string, std::vector<std::string>> values;
  for (const auto& folder : folders) {
    RunRecord record = read_run_record(folder, 0);
    require<DataError>(!record.config.empty(), "{}: no run is there", folder.string());
    settings.push_back(settings_of(record.config));
    for (const auto& [key, value] : settings.back()) values[key].push_back(value);
    const Results results = results_of(record);
    out.runs.push_back({folder.string(), std::move(record), results, {}});
  }
  // In the order that the files have them.
  for (const auto& run : out.runs)
    for (const auto& [key, value] : run.record.config.items()) {
      if (!values.contains(key) || std::ranges::count(out.keys, key) > 0) continue;
      const auto& all = values[key];
      if (all.size() < folders.size() || std::ranges::count(all, all.front()) < std::ssize(all))
        out.keys.push_back(key);
    }
  std::map<std::vector<std::string>, size_t> group_of;
  for (size_t i = 0; i < out.runs.size(); ++i) {
    std::vector<std::string> same;
    for (const std::string& key : out.keys) {
      const std::string value = settings[i].contains(key) ? settings[i][key] : "";
      out.runs[i].settings.push_back(value);
      if (key != "seed") same.push_back(value);
    }
    const auto [at, is_new] = group_of.emplace(same, out.groups.size());
    if (is_new) out.groups.push_back({});
    out.groups[at->second].runs.push_back(i);
  }
  name_groups(out);
  for (RunGroup& g : out.groups) {
    std::vector<double> test, baseline;
    for (const size_t i : g.runs) {
      test.push_back(out.runs[i].results.test_accuracy);
      baseline.push_back(out.runs[i].results.baseline_accuracy);
    }
    g.test_accuracy = spread_of(test);
    g.baseline_accuracy = spread_of(baseline);
  }
  return out;
}

std::string comparison_page(const RunComparison& c) {
  std::vector<std::vector<std::string>> runs, groups;
  for (const ComparedRun& r : c.runs) {
    std::vector<std::string> row{r.name};
    row.insert(row.end(), r.settings.begin(), r.settings.end());
    for (const std::string& cell :
         {grouped(r.results.steps) + (r.results.final ? "" : " so far"),
          percent(r.results.test_accuracy), percent(r.results.baseline_accuracy)})
      row.push_back(cell);
    runs.push_back(std::move(row));
  }
  const auto text = [](const Spread& s) {
    if (s.count == 0) return std::string("–");
    if (s.count == 1) return percent(s.mean);
    return fmt::format("{} ± {:.1f} ({} to {})", percent(s.mean), 100 * s.deviation,
                       percent(s.lowest), percent(s.highest));
  };
  for (const RunGroup& g : c.groups)
    groups.push_back(
        {g.name, grouped(double(g.runs.size())), text(g.test_accuracy), text(g.baseline_accuracy)});
  std::vector<std::string> head{"run"};
  head.insert(head.end(), c.keys.begin(), c.keys.end());
  for (const char* name : {"steps", "test accuracy", "baseline"}) head.push_back(name);

  std::string body =
      "<p class=\"quiet\">Runs whose settings are the same but for the seed are one group. A "
      "spread "
      "is the standard deviation of its runs, with the lowest and the highest behind it.</p>\n"
      "<h2>Groups</h2>\n" +
      table_of({"settings", "runs", "test accuracy", "baseline"}, groups) + "<h2>Runs</h2>\n" +
      table_of(head, runs) + "<h2>Curves</h2>\n<div class=\"charts\">\n";
  for (size_t first = 0; first < c.groups.size(); first += kMaxSeries) {
    body += chart_of(c, first,
                     {.id = "accuracy",
                      .title = "Accuracy on test images",
                      .x_label = "epoch",
                      .y_label = "accuracy",
                      .percent = true},
                     false, "test_accuracy");
    for (const auto& [title, column] : {std::pair{"Loss of wrong classes", "d_class"},
                                        {"Discriminator loss", "d"},
                                        {"Generator loss", "g"}})
      body +=
          chart_of(c, first, {.id = column, .title = title, .x_label = "step", .y_label = "loss"},
                   true, column);
  }
  return make_page(fmt::format("{} runs beside each other", c.runs.size()), body + "</div>\n",
                   Refresh::no);
}

}  // namespace gradus::ssgan
