#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/ssgan/json.h"
#include "apps/ssgan/report/picture_figure.h"
#include "apps/ssgan/report/sections.h"
#include "apps/ssgan/report/text.h"

namespace gradus::ssgan {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostClasses = 20;  // of a matrix that is shown as a whole
constexpr size_t kMostRows = 60;

struct Class {
  std::string name;
  std::vector<double> taken_for;  ///< images, by class
  double images = 0, accuracy = NAN;
};

/// Nothing where the object is not what a run writes.
std::vector<Class> classes_of(const Json& scores) {
  const auto names = scores.find("classes"), confusion = scores.find("confusion");
  if (names == scores.end() || confusion == scores.end() || !names->is_array() ||
      !confusion->is_array() || names->size() != confusion->size())
    return {};
  std::vector<Class> all;
  for (size_t c = 0; c < names->size(); ++c) {
    const Json& row = (*confusion)[c];
    if (!row.is_array() || row.size() != names->size()) return {};
    Class one;
    one.name = (*names)[c].is_string() ? (*names)[c].get<std::string>() : (*names)[c].dump();
    for (const Json& n : row) {
      if (!n.is_number_unsigned()) return {};
      one.taken_for.push_back(n.get<double>());
    }
    one.images = std::accumulate(one.taken_for.begin(), one.taken_for.end(), 0.0);
    if (one.images > 0) one.accuracy = one.taken_for[c] / one.images;
    all.push_back(std::move(one));
  }
  return all;
}

std::string matrix(const std::vector<Class>& all) {
  std::string out =
      "<div class=\"card\" role=\"region\" tabindex=\"0\" aria-label=\"Confusion matrix\">\n"
      "<table class=\"matrix\">\n<caption>Which classes are taken for which: a row is what an "
      "image "
      "shows, a column what it is taken for.</caption>\n<thead><tr><td></td>";
  for (const Class& c : all) out += fmt::format("<th scope=\"col\">{}</th>", escape_html(c.name));
  out += "</tr></thead>\n<tbody>\n";
  for (size_t i = 0; i < all.size(); ++i) {
    out += fmt::format("<tr><th scope=\"row\">{}</th>", escape_html(all[i].name));
    for (size_t k = 0; k < all.size(); ++k) {
      const double n = all[i].taken_for[k], share = all[i].images > 0 ? n / all[i].images : 0;
      out += fmt::format("<td class=\"{}\" style=\"--share:{:.2f}\">{}</td>",
                         i == k ? "right" : "wrong", share, n > 0 ? grouped(n) : "");
    }
    out += "</tr>\n";
  }
  return out + "</tbody>\n</table>\n</div>\n";
}

/// The worst first.
std::string by_class(const std::vector<Class>& all) {
  std::vector<size_t> order(all.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [&](size_t c) { return !(all[c].images > 0); });
  std::ranges::stable_sort(order, {}, [&](size_t c) { return all[c].accuracy; });
  const bool cut = order.size() > kMostRows;
  if (cut) order.resize(kMostRows);
  std::string out = fmt::format(
      "<div class=\"card\">\n<table>\n<caption>Accuracy by class, the worst first{}.</caption>\n"
      "<thead><tr><th scope=\"col\">class</th><th scope=\"col\">accuracy</th>"
      "<th scope=\"col\">images</th><th scope=\"col\">most often taken for</th></tr></thead>\n"
      "<tbody>\n",
      cut ? fmt::format(", {} of {}", kMostRows, all.size()) : "");
  for (const size_t c : order) {
    size_t other = c;
    for (size_t k = 0; k < all.size(); ++k)
      if (k != c && all[c].taken_for[k] > (other == c ? 0 : all[c].taken_for[other])) other = k;
    out += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                       escape_html(all[c].name), percent(all[c].accuracy), grouped(all[c].images),
                       other == c ? "–"
                                  : fmt::format("{} ({})", escape_html(all[other].name),
                                                grouped(all[c].taken_for[other])));
  }
  return out + "</tbody>\n</table>\n</div>\n";
}

}  // namespace

std::string scores_section(const RunRecord& run) {
  const std::vector<Class> all = classes_of(run.scores);
  std::string out;
  if (!all.empty()) {
    out += "<div class=\"scores\">\n";
    if (all.size() <= kMostClasses) out += matrix(all);
    out += by_class(all) + "</div>\n";
  }
  if (!run.mistakes.rgb.empty())
    out += "<div class=\"mistakes\">\n" +
           picture_figure(run.mistakes, "Test images that the discriminator is most wrong about",
                          "The mistakes that it is surest of: what each image is taken for, how "
                          "sure that is, and what it shows.") +
           "</div>\n";
  if (out.empty()) return {};
  const double epoch = number_or(run.scores, "epoch", double(NAN));
  return fmt::format("<section>\n<h2>Test images, class by class</h2>\n{}{}</section>\n",
                     std::isfinite(epoch)
                         ? fmt::format("<p class=\"quiet\">After epoch {}.</p>\n", grouped(epoch))
                         : "",
                     out);
}

}  // namespace gradus::ssgan
