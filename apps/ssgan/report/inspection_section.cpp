#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/ssgan/json.h"
#include "apps/ssgan/report/sections.h"
#include "apps/ssgan/report/text.h"

namespace gradus::ssgan {
namespace {

using Json = nlohmann::ordered_json;

struct Column {
  const char *key, *title;
  bool logarithmic;
  std::string (*show)(double);
};

std::string whole_percent(double share) {
  return std::isfinite(share) ? fmt::format("{:.0f} %", 100 * share) : "";
}
std::string size_of(double v) { return std::isfinite(v) ? fmt::format("{:.1e}", v) : ""; }
std::string ratio(double v) { return std::isfinite(v) ? fmt::format("{:.2f}", v) : ""; }

constexpr Column kColumns[] = {
    {"gradient_rms", "gradient, rms", true, size_of},
    {"update_rms_over_lr", "update over learning rate", false, ratio},
    {"silent_channels_real", "channels never above 0, real images", false, whole_percent},
    {"silent_channels_generated", "the same, generated images", false, whole_percent},
    {"running_mean_gap", "running mean off, in deviations", false, ratio},
    {"running_variance_ratio", "running variance over the batch's", false, ratio}};

/// One layer's values of a column, by step.
struct Curve {
  std::vector<double> values;  ///< NaN where there is none
  bool logarithmic;

  double at(size_t i) const {
    if (!logarithmic) return values[i];
    return values[i] > 0 ? std::log10(values[i]) : double(NAN);
  }
};

/// All of a column on one scale, so that its cells can be compared.
struct Scale {
  double low = INFINITY, high = -INFINITY;
  void include(double v) {
    if (!std::isfinite(v)) return;
    low = std::min(low, v);
    high = std::max(high, v);
  }
};

std::string sparkline(const Curve& c, const Scale& scale) {
  constexpr double kWidth = 84, kHeight = 24, kEdge = 3;
  const size_t n = c.values.size();
  std::string path;
  for (size_t i = 0; i < n; ++i) {
    const double v = c.at(i);
    if (!std::isfinite(v)) continue;
    const double x = n == 1 ? kWidth / 2 : kEdge + double(i) * (kWidth - 2 * kEdge) / double(n - 1);
    const double share = scale.high > scale.low ? (v - scale.low) / (scale.high - scale.low) : 0.5;
    path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "M" : "L", x,
                        kHeight - kEdge - share * (kHeight - 2 * kEdge));
  }
  if (path.empty()) return {};
  if (n == 1) path += "h0";  // a dot
  return fmt::format(
      "<svg width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" aria-hidden=\"true\">"
      "<path class=\"line c0\" d=\"{2}\"/></svg> ",
      kWidth, kHeight, path);
}

/// Nothing where the steps are not what `inspect` writes.
std::string layer_table(const Json& steps) {
  const Json& layers = steps.back()["layers"];
  const auto curve = [&](size_t layer, const Column& column) {
    Curve c{{}, column.logarithmic};
    for (const Json& step : steps)
      c.values.push_back(layer < step["layers"].size()
                             ? number_or(step["layers"][layer], column.key, double(NAN))
                             : double(NAN));
    return c;
  };
  std::string out =
      "<div class=\"card\" role=\"region\" tabindex=\"0\" aria-label=\"Layers\">\n"
      "<table class=\"inspected\">\n<thead><tr><th scope=\"col\">layer</th>";
  std::vector<std::pair<const Column*, Scale>> shown;
  for (const Column& column : kColumns) {
    Scale scale;
    if (!column.logarithmic) scale.include(0);
    bool any = false;
    for (size_t l = 0; l < layers.size(); ++l) {
      const Curve c = curve(l, column);
      for (size_t i = 0; i < c.values.size(); ++i) {
        scale.include(c.at(i));
        any |= std::isfinite(c.values[i]);
      }
    }
    if (!any) continue;
    shown.emplace_back(&column, scale);
    out += fmt::format("<th scope=\"col\">{}</th>", column.title);
  }
  out += "</tr></thead>\n<tbody>\n";
  for (size_t l = 0; l < layers.size(); ++l) {
    const auto name = layers[l].find("layer"), learns = layers[l].find("learns");
    if (name == layers[l].end() || !name->is_string()) return {};
    const bool dead = learns != layers[l].end() && *learns == false;
    out += fmt::format("<tr><th scope=\"row\">{}{}</th>", escape_html(name->get<std::string>()),
                       dead ? " (no loss depends on it)" : "");
    for (const auto& [column, scale] : shown) {
      const Curve c = curve(l, *column);
      out += fmt::format("<td>{}{}</td>", sparkline(c, scale), column->show(c.values.back()));
    }
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table>\n</div>\n";
}

std::string feature_charts(const Json& steps) {
  Chart size{.id = "features",
             .title = "Mean features of real and generated images",
             .caption =
                 "The distance is the loss of feature matching. It rises when the features "
                 "themselves grow.",
             .x_label = "step",
             .y_label = "mean over the features",
             .series = {{"distance", {}}, {"size on real images", {}}}};
  Chart ratio{.id = "feature-gap",
              .title = "Their distance over their size",
              .caption = "This tells whether the generator keeps up.",
              .x_label = "step",
              .y_label = "distance / size",
              .series = {{"distance / size", {}}}};
  for (const Json& step : steps) {
    const double at = number_or(step, "step", double(NAN)),
                 gap = number_or(step, "feature_gap", double(NAN)),
                 of = number_or(step, "feature_size", double(NAN));
    size.series[0].points.push_back({at, gap});
    size.series[1].points.push_back({at, of});
    ratio.series[0].points.push_back({at, gap / of});
  }
  if (std::ranges::none_of(size.series[0].points,
                           [](const Point& p) { return std::isfinite(p.y); }))
    return {};  // no generator
  return "<div class=\"charts\">\n" + draw_chart(size) + draw_chart(ratio) + "</div>\n";
}

}  // namespace

std::string inspection_section(const RunRecord& run) {
  const auto steps = run.inspection.find("steps");
  if (steps == run.inspection.end() || !steps->is_array() || steps->empty()) return {};
  for (const Json& step : *steps)
    if (!step.is_object() || !step.contains("layers") || !step["layers"].is_array()) return {};
  const std::string table = layer_table(*steps);
  if (table.empty()) return {};
  return fmt::format(
      "<section>\n<h2>Inside the layers</h2>\n<p class=\"quiet\">What <code>ssgan inspect</code> "
      "found in {} steps of this run, {} to {}. Each curve goes from the first of these steps to "
      "the "
      "last; the number beside it is the last one. The curves of a column have one scale; that of "
      "the gradients is logarithmic.</p>\n{}{}</section>\n",
      steps->size(), grouped(number_or(steps->front(), "step", double(NAN))),
      grouped(number_or(steps->back(), "step", double(NAN))), table, feature_charts(*steps));
}

}  // namespace gradus::ssgan
