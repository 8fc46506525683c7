#include "apps/ssgan/report/html.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/ssgan/report/results.h"
#include "apps/ssgan/report/sections.h"
#include "apps/ssgan/report/text.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostSamples = 24;
constexpr size_t kMostOpenRows = 30;
constexpr size_t kMostRowsOfOneCard = 10;

bool has_generator(const RunRecord& run) {
  const auto only_classes = [](const Table& t) { return t.has("d_class") && !t.has("g"); };
  return !only_classes(run.metrics) && !only_classes(run.epochs);
}

std::string introduction(const RunRecord& run) {
  const std::string what = words_of(run.config).many;
  const std::string learns = what == "classes" ? "tell classes of images apart" : "name " + what;
  const auto unlabelled = run.config.find("unlabeled");
  if (!has_generator(run) && unlabelled != run.config.end() && *unlabelled == true)
    return fmt::format(
        "The discriminator alone: it learns to {} from a few labelled images, and from unlabelled "
        "ones by what the average of its weights says of them.",
        learns);
  if (!has_generator(run))
    return fmt::format(
        "A baseline: the discriminator alone, which learns to {} from the labelled images only.",
        learns);
  return fmt::format(
      "A semi-supervised GAN: the discriminator learns to {} from a few labelled images, many "
      "unlabelled ones, and those that a generator makes.",
      learns);
}

/// The step from which on the test accuracy has been above the baseline's; 0 where it is not known
/// or not so.
double passed_at(const RunRecord& run) {
  std::map<double, double> baseline;
  const size_t step = run.epochs.index("step"), score = run.epochs.index("test_accuracy");
  for (const auto& row : run.baseline.rows) baseline[row[step]] = row[score];
  double since = 0;
  for (const auto& row : run.epochs.rows) {
    const auto other = baseline.find(row[step]);
    if (other == baseline.end()) continue;
    if (!(row[score] > other->second))
      since = 0;
    else if (since == 0)
      since = row[step];
  }
  return since;
}

std::string gain_in_words(const RunRecord& run, const Results& r) {
  const double points = 100 * (r.test_accuracy - r.baseline_accuracy);
  if (!std::isfinite(points)) return {};
  const char* const it = has_generator(run) ? "GAN" : "run";
  std::string words;
  if (std::abs(points) < 0.5) {
    words = fmt::format("The {} is as good as the baseline, to half a percentage point.", it);
  } else if (points < 0) {
    words = fmt::format(
        "The {} is {:.1f} percentage points below the baseline after {} steps. Short runs often "
        "are{}. A longer run (--epochs) tells more.",
        it, -points, grouped(r.steps),
        has_generator(run) ? ": the generator has to learn, too, before it helps" : "");
  } else {
    const double since = passed_at(run);
    words = fmt::format(
        "The {} is {:.1f} percentage points above the baseline, which had the same labels and as "
        "much computation{}.",
        it, points,
        since > 0 ? fmt::format("; it has been above it since step {}", grouped(since)) : "");
  }
  if (std::isfinite(r.without_gan_accuracy))
    words += fmt::format(
        " The generator's part in that is {:+.1f} points: the same run without one reaches {}.",
        100 * (r.test_accuracy - r.without_gan_accuracy), percent(r.without_gan_accuracy));
  return words;
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
  if (std::isfinite(r.best_accuracy))
    tiles += tile(fmt::format("best on images held out, after step {}", grouped(r.best_step)),
                  percent(r.best_accuracy));
  if (std::isfinite(r.train_accuracy))
    tiles += tile("accuracy on labelled training images", percent(r.train_accuracy));
  if (std::isfinite(r.steps)) tiles += tile("training steps", grouped(r.steps));
  if (std::isfinite(r.seconds)) tiles += tile("training time", duration(r.seconds));
  if (!tiles.empty()) out += "<dl class=\"tiles\">\n" + tiles + "</dl>\n";
  if (const std::string gain = gain_in_words(run, r); !gain.empty()) out += "<p>" + gain + "</p>\n";
  return out;
}

std::string notes(const RunRecord& run) {
  std::string out;
  for (const std::string& note : run.notes)
    out += "<p class=\"note\">" + escape_html(note) + "</p>\n";
  return out;
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
                                 {"validation_accuracy", "held out", percent},
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
  Group environment{"Environment", {}};
  for (const auto& [key, value] : config.items()) {
    if (key == "program" || key == "libraries" || key == "device" || key == "threads")
      flatten(Json::object({{key, value}}), "", environment);
    else if (value.is_object() && !value.empty())
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
  groups.push_back(std::move(environment));
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

Words words_of(const nlohmann::ordered_json& config) {
  const auto data = config.find("data");
  const std::string name =
      data != config.end() && data->is_string() ? data->get<std::string>() : "";
  if (name == "digits" || name == "svhn" || name == "mnist") return {"digit", "digits"};
  if (name == "fashion-mnist") return {"garment", "garments"};
  return {"class", "classes"};
}

void write_report(const std::filesystem::path& path, Refresh refresh) {
  const RunRecord run = read_run_record(path, kMostSamples);
  const Results results = results_of(run);
  const std::string body = fmt::format("<p class=\"quiet\">{}</p>\n", introduction(run)) +
                           notes(run) + overview(run, results) +
                           training_section(run, results.baseline_accuracy) + scores_section(run) +
                           inspection_section(run) + samples_section(run) +
                           epoch_table(run.epochs) + settings(run.config);
  const std::string page = make_page("Training report: " + run.name, body, refresh);
  write_file(path / "report.html", std::as_bytes(std::span(page)));
}

}  // namespace gradus::ssgan
