#include "apps/ssgan/report/html.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/ssgan/report/chart.h"
#include "apps/ssgan/report/page_style.h"
#include "apps/ssgan/report/run_record.h"
#include "apps/ssgan/report/text.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostSamples = 6;
constexpr size_t kMostPoints = 600;
constexpr size_t kMostOpenRows = 30;
constexpr size_t kMostRowsOfOneCard = 10;

double number_at(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number() ? it->get<double>()
                                               : std::numeric_limits<double>::quiet_NaN();
}

/// Results: those of the summary, else those of the last epoch.
struct Results {
  double test_accuracy, train_accuracy, baseline_accuracy, steps, seconds;
  std::string protocol;
  bool final;
};

/// Whether the summary is of a run that took all its steps and has not been gone on with since.
bool is_final(const RunRecord& run) {
  const auto complete = run.summary.find("complete");  // version 0.1.0 wrote it at the end only
  if (run.summary.empty() || (complete != run.summary.end() && *complete != true)) return false;
  const double steps = number_at(run.summary, "steps");
  return !(!run.epochs.rows.empty() && run.epochs.rows.back()[run.epochs.index("step")] > steps);
}

Results results_of(const RunRecord& run) {
  Results r{number_at(run.summary, "test_accuracy"),
            number_at(run.summary, "train_accuracy"),
            number_at(run.summary, "baseline_accuracy"),
            number_at(run.summary, "steps"),
            number_at(run.summary, "seconds"),
            "",
            is_final(run)};
  if (const auto it = run.summary.find("protocol"); it != run.summary.end())
    r.protocol = it->is_string() ? it->get<std::string>() : it->dump();
  if (!r.final) r.baseline_accuracy = std::numeric_limits<double>::quiet_NaN();
  if (!r.final && !run.epochs.rows.empty()) {
    const auto& last = run.epochs.rows.back();
    r.test_accuracy = last[run.epochs.index("test_accuracy")];
    r.train_accuracy = last[run.epochs.index("train_accuracy")];
    r.steps = last[run.epochs.index("step")];
  }
  return r;
}

const char* introduction(const RunRecord& run) {
  const auto only_classes = [](const Table& t) { return t.has("d_class") && !t.has("g"); };
  if (only_classes(run.metrics) || only_classes(run.epochs))
    return "A baseline: the discriminator alone, which learns to name digits from the labelled "
           "images only.";
  return "A semi-supervised GAN: the discriminator learns to name digits from a few labelled "
         "images, many unlabelled ones, and those that a generator makes.";
}

std::string tile(const std::string& name, const std::string& value) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, value);
}

std::string overview(const RunRecord& run, const Results& r) {
  std::string out;
  if (!r.protocol.empty()) out += "<p>How this was measured: " + escape_html(r.protocol) + "</p>\n";
  if (!r.final)
    out += run.epochs.rows.empty()
               ? "<p class=\"quiet\">No epoch of this run is finished yet.</p>\n"
               : fmt::format(
                     "<p class=\"quiet\">The figures after epoch {}, the last that is "
                     "finished:</p>\n",
                     grouped(run.epochs.rows.back()[0]));
  std::string tiles;
  if (std::isfinite(r.test_accuracy)) tiles += tile("test accuracy", percent(r.test_accuracy));
  if (std::isfinite(r.baseline_accuracy))
    tiles += tile("baseline, trained on the labels alone", percent(r.baseline_accuracy));
  if (std::isfinite(r.test_accuracy - r.baseline_accuracy)) {
    const double points = 100 * (r.test_accuracy - r.baseline_accuracy);
    const char* sign = points < -0.05 ? "−" : "+";
    tiles +=
        tile("points gained over the baseline", fmt::format("{}{:.1f}", sign, std::abs(points)));
  }
  if (std::isfinite(r.train_accuracy))
    tiles += tile("accuracy on labelled training images", percent(r.train_accuracy));
  if (std::isfinite(r.steps)) tiles += tile("training steps", grouped(r.steps));
  if (std::isfinite(r.seconds)) tiles += tile("training time", duration(r.seconds));
  if (!tiles.empty()) out += "<dl class=\"tiles\">\n" + tiles + "</dl>\n";
  return out;
}

std::string notes(const RunRecord& run) {
  std::string out;
  for (const std::string& note : run.notes)
    out += "<p class=\"note\">" + escape_html(note) + "</p>\n";
  return out;
}

Series series(const Table& table, std::string name, std::string_view x, std::string_view y) {
  Series out{std::move(name), {}};
  for (const auto& row : table.rows)
    out.points.push_back({row[table.index(x)], row[table.index(y)]});
  return out;
}

/// Adds the curve where the run has such values (a baseline has no generator).
void add_series(Chart& chart, const Table& table, const char* name, const char* y) {
  if (table.has(y)) chart.series.push_back(series(table, name, "step", y));
}

Chart accuracy_chart(const RunRecord& run, double baseline) {
  Chart chart{.id = "accuracy",
              .title = "How many digits are named correctly",
              .caption = "Accuracy of the discriminator as a classifier, after each epoch.",
              .x_label = "epoch",
              .y_label = "accuracy",
              .series = {series(run.epochs, "test images", "epoch", "test_accuracy"),
                         series(run.epochs, "labelled training images", "epoch", "train_accuracy")},
              .percent = true};
  std::erase_if(chart.series, [](const Series& s) {
    for (const Point& p : s.points)
      if (std::isfinite(p.y)) return false;
    return true;
  });
  if (std::isfinite(baseline) && !chart.series.empty() && !run.epochs.rows.empty())
    chart.series.push_back(
        {"baseline, trained on the labels alone",
         {{run.epochs.rows.front()[0], baseline}, {run.epochs.rows.back()[0], baseline}},
         true});
  return chart;
}

std::string charts(const RunRecord& run, double baseline) {
  const bool per_step = !run.metrics.rows.empty();
  const auto [table, group] = thin(per_step ? run.metrics : run.epochs, kMostPoints);
  std::string each = per_step ? "" : " Means of an epoch.";
  if (group > 1)
    each = fmt::format(" Each point is the mean of {} {}.", grouped(double(group)),
                       per_step ? "steps" : "epochs");

  Chart d{.id = "discriminator",
          .title = "Discriminator loss, part by part",
          .x_label = "step",
          .y_label = "loss"};
  add_series(d, table, "real images taken for generated", "d_real");
  add_series(d, table, "generated images taken for real", "d_fake");
  add_series(d, table, "wrong digit on labelled images", "d_class");
  d.caption = "Lower is better for the discriminator.";
  if (table.has("d_real") || table.has("d_fake"))
    d.caption += " Guessing between real and generated costs 0.69 for each.";
  d.caption += each;

  Chart g{.id = "generator",
          .title = "Generator loss",
          .caption =
              "How far the mean features of generated images are from those of real images "
              "(feature matching)." +
              each,
          .x_label = "step",
          .y_label = "loss"};
  add_series(g, table, "feature matching", "g");

  Chart lr{.id = "learning-rate", .title = "Learning rate", .x_label = "step", .y_label = "rate"};
  add_series(lr, table, "learning rate of both networks", "lr");
  if (!table.has("g") && !lr.series.empty()) lr.series[0].name = "learning rate";

  const std::string figures =
      draw_chart(accuracy_chart(run, baseline)) + draw_chart(d) + draw_chart(g) + draw_chart(lr);
  if (figures.empty()) return {};
  return "<section>\n<h2>Training</h2>\n<div class=\"charts\">\n" + figures +
         "</div>\n</section>\n";
}

std::string samples(const RunRecord& run) {
  if (run.samples.empty()) return {};
  std::string out = "<section>\n<h2>Generated images</h2>\n<div class=\"samples\">\n";
  for (const Sample& s : run.samples) {
    const std::string when = fmt::format("after epoch {}", grouped(double(s.epoch)));
    out += fmt::format(
        "<figure><img src=\"data:image/png;base64,{}\" width=\"{}\" height=\"{}\" "
        "alt=\"Grid of images made by the generator, {}\">"
        "<figcaption>{}</figcaption></figure>\n",
        base64(s.png), s.width, s.height, when, when);
  }
  return out + "</div>\n</section>\n";
}

std::string epoch_table(const Table& table) {
  if (table.rows.empty()) return {};
  struct Column {
    const char *name, *title;
    std::string (*show)(double);
  };
  constexpr Column kColumns[] = {{"epoch", "epoch", grouped},
                                 {"step", "step", grouped},
                                 {"test_accuracy", "test accuracy", percent},
                                 {"train_accuracy", "labelled training", percent},
                                 {"d_real", "real", loss},
                                 {"d_fake", "generated", loss},
                                 {"d_class", "classes", loss},
                                 {"d", "D loss", loss},
                                 {"g", "G loss", loss},
                                 {"lr", "learning rate", number},
                                 {"seconds", "time", duration}};
  const auto shown = [&](const Column& c) { return table.has(c.name); };
  std::string out = fmt::format(
      "<section>\n<h2 id=\"epochs\">Epoch by epoch</h2>\n<div class=\"card\" role=\"region\" "
      "tabindex=\"0\" aria-labelledby=\"epochs\">\n<details{}>\n<summary>Figures of "
      "{} {}</summary>\n<table class=\"epochs\">\n<thead><tr>",
      table.rows.size() <= kMostOpenRows ? " open" : "", grouped(double(table.rows.size())),
      table.rows.size() == 1 ? "epoch" : "epochs");
  for (const Column& c : kColumns)
    if (shown(c)) out += fmt::format("<th scope=\"col\">{}</th>", c.title);
  out += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    out += "<tr>";
    for (const Column& c : kColumns)
      if (shown(c)) out += fmt::format("<td>{}</td>", c.show(row[table.index(c.name)]));
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table>\n</details>\n</div>\n</section>\n";
}

/// A heading and its settings, as texts.
struct Group {
  std::string name;
  std::vector<std::pair<std::string, std::string>> rows;
};

void flatten(const Json& object, const std::string& prefix, Group& group) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object() && !value.empty())
      flatten(value, prefix + key + ".", group);
    else
      group.rows.emplace_back(prefix + key,
                              value.is_string() ? value.get<std::string>() : value.dump());
  }
}

std::string settings(const Json& config) {
  std::vector<Group> groups(1);
  for (const auto& [key, value] : config.items()) {
    if (value.is_object() && !value.empty())
      flatten(value, "", groups.emplace_back(Group{key, {}}));
    else
      flatten(Json::object({{key, value}}), "", groups[0]);
  }
  if (groups.size() == 1 && groups[0].rows.size() > kMostRowsOfOneCard) {
    auto& rows = groups[0].rows;
    const auto middle = rows.begin() + static_cast<ptrdiff_t>((rows.size() + 1) / 2);
    Group second{"", {middle, rows.end()}};
    rows.erase(middle, rows.end());
    groups.push_back(std::move(second));
  }
  std::string out;
  for (const Group& group : groups) {
    if (group.rows.empty()) continue;
    out += "<div class=\"card\">\n";
    if (!group.name.empty()) out += "<h3>" + escape_html(group.name) + "</h3>\n";
    out += "<table>\n<tbody>\n";
    for (const auto& [key, value] : group.rows)
      out += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape_html(key),
                         escape_html(value));
    out += "</tbody>\n</table>\n</div>\n";
  }
  if (out.empty()) return {};
  return "<section>\n<h2>Settings</h2>\n<div class=\"settings\">\n" + out + "</div>\n</section>\n";
}

}  // namespace

void write_report(const std::filesystem::path& path, Refresh refresh) {
  const RunRecord run = read_run_record(path, kMostSamples);
  const Results results = results_of(run);
  const std::string name = escape_html(run.name);
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  // Nothing is fetched and nothing runs, whatever the data holds.
  page +=
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; img-src data:\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  if (refresh == Refresh::yes) page += "<meta http-equiv=\"refresh\" content=\"30\">\n";
  page += fmt::format("<title>Training report: {}</title>\n<style>{}</style>\n</head>\n", name,
                      kPageStyle);
  page += fmt::format("<body>\n<main>\n<h1>Training report: {}</h1>\n<p class=\"quiet\">{}</p>\n",
                      name, introduction(run));
  page += notes(run) + overview(run, results) + charts(run, results.baseline_accuracy) +
          samples(run) + epoch_table(run.epochs) + settings(run.config);
  page += "</main>\n</body>\n</html>\n";
  write_file(path / "report.html", std::as_bytes(std::span(page)));
}

}  // namespace gradus::ssgan
