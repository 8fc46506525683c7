#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "apps/ssgan/report/sections.h"
#include "apps/ssgan/report/text.h"

namespace gradus::ssgan {
namespace {

constexpr size_t kMostPoints = 600;
constexpr size_t kNeighbours = 10;  // of a point that is smoothed, on either side
constexpr size_t kMostRough = 60;   // points; fewer are shown as they are

bool has_points(const Series& s) {
  for (const Point& p : s.points)
    if (std::isfinite(p.y)) return true;
  return false;
}

/// Adds the curve where the run has such values (a baseline has no generator).
void add_series(Chart& chart, const Table& table, const char* name, const char* y, bool smooth) {
  if (!table.has(y)) return;
  Series s = series(table, name, "step", y);
  if (smooth) s.pale.push_back(std::exchange(s.points, smoothed(s.points, kNeighbours)));
  chart.series.push_back(std::move(s));
}

Chart accuracy_chart(const RunRecord& run, double baseline) {
  Chart chart{.id = "accuracy",
              .title = "How many images are named correctly",
              .caption = "Accuracy of the discriminator as a classifier, after each epoch.",
              .x_label = "epoch",
              .y_label = "accuracy",
              .percent = true};
  for (const auto& [name, column] : {std::pair{"test images", "test_accuracy"},
                                     {"labelled training images", "train_accuracy"},
                                     {"images held out", "validation_accuracy"}})
    if (Series s = series(run.epochs, name, "epoch", column); has_points(s))
      chart.series.push_back(std::move(s));
  if (chart.series.empty()) return chart;
  constexpr const char* kBaseline = "baseline on test images";
  if (Series s = series(run.baseline, kBaseline, "epoch", "test_accuracy"); has_points(s)) {
    s.reference = true;
    chart.series.push_back(std::move(s));
  } else if (std::isfinite(baseline)) {
    chart.series.push_back(
        {kBaseline,
         {{run.epochs.rows.front()[0], baseline}, {run.epochs.rows.back()[0], baseline}},
         true});
  }
  return chart;
}

}  // namespace

Series series(const Table& table, std::string name, std::string_view x, std::string_view y) {
  Series out{std::move(name), {}};
  for (const auto& row : table.rows)
    out.points.push_back({row[table.index(x)], row[table.index(y)]});
  return out;
}

std::string training_section(const RunRecord& run, double baseline) {
  const bool per_step = !run.metrics.rows.empty();
  const auto [table, group] = thin(per_step ? run.metrics : run.epochs, kMostPoints);
  const bool smooth = per_step && table.rows.size() > kMostRough;
  std::string each = per_step ? "" : " Means of an epoch.";
  if (group > 1)
    each = fmt::format(" Each point is the mean of {} {}.", grouped(double(group)),
                       per_step ? "steps" : "epochs");
  if (smooth)
    each += fmt::format(" The strong lines are means of {} points, the pale ones these points.",
                        2 * kNeighbours + 1);

  Chart d{.id = "discriminator",
          .title = "Discriminator loss, part by part",
          .x_label = "step",
          .y_label = "loss"};
  const std::string wrong = fmt::format("wrong {} on labelled images", words_of(run.config).one);
  add_series(d, table, "real images taken for generated", "d_real", smooth);
  add_series(d, table, "generated images taken for real", "d_fake", smooth);
  add_series(d, table, wrong.c_str(), "d_class", smooth);
  d.caption = "Lower is better for the discriminator.";
  if (table.has("d_real") || table.has("d_fake"))
    d.caption += " Guessing between real and generated costs 0.69 for each.";
  d.caption += each;

  const auto learns = run.config.find("g_loss");  // version 0.1.0 had none
  const bool matches = learns == run.config.end() || *learns == "match";
  Chart g{.id = "generator",
          .title = "Generator loss",
          .caption = matches ? "How far the mean features of generated images are from those of "
                               "real images (feature matching)."
                             : "What the run's g_loss says.",
          .x_label = "step",
          .y_label = "loss"};
  g.caption += each;
  add_series(g, table, matches ? "feature matching" : "loss of the generator", "g", smooth);

  Chart lr{.id = "learning-rate", .title = "Learning rate", .x_label = "step", .y_label = "rate"};
  add_series(lr, table, table.has("g") ? "learning rate of both networks" : "learning rate", "lr",
             false);

  const std::string figures =
      draw_chart(accuracy_chart(run, baseline)) + draw_chart(d) + draw_chart(g) + draw_chart(lr);
  if (figures.empty()) return {};
  return "<section>\n<h2>Training</h2>\n<div class=\"charts\">\n" + figures +
         "</div>\n</section>\n";
}

}  // namespace gradus::ssgan
