#include <algorithm>
#include <cmath>
#include <iterator>

#include "apps/ssgan/report/page.h"
#include "apps/ssgan/report/text.h"
#include "apps/ssgan/study/explanation.h"
#include "apps/ssgan/study/pictures.h"

namespace gradus::ssgan {
namespace {

constexpr int64_t kChannels = 8;

constexpr std::string_view kStyle = R"css(
.pixels { image-rendering: pixelated; border-radius: 4px; max-width: 100%; height: auto; }
.layers { display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
.numbers td, .numbers th { text-align: right; white-space: nowrap; }
.numbers th:first-child { text-align: left; white-space: normal; min-width: 9em; }
.example { display: flex; flex-wrap: wrap; gap: 20px; align-items: flex-start; margin: 0 0 14px; }
.scroll { overflow-x: auto; }
code { overflow-wrap: anywhere; }
)css";

/// Adds to a page.
class Page {
 public:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  void table(const std::vector<std::string>& head,
             const std::vector<std::vector<std::string>>& rows) {
    add("<div class=\"card scroll\" role=\"region\" tabindex=\"0\" aria-label=\"table\"><table "
        "class=\"numbers\"><thead><tr>");
    for (const std::string& cell : head) add("<th scope=\"col\">{}</th>", escape_html(cell));
    add("</tr></thead>\n<tbody>\n");
    for (const auto& row : rows) {
      add("<tr><th scope=\"row\">{}</th>", escape_html(row[0]));
      for (size_t i = 1; i < row.size(); ++i) add("<td>{}</td>", escape_html(row[i]));
      add("</tr>\n");
    }
    add("</tbody></table></div>\n");
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::vector<std::string> cells(const std::string& name, const std::vector<double>& values,
                               const char* format) {
  std::vector<std::string> row{name};
  for (const double v : values) row.push_back(fmt::format(fmt::runtime(format), v + 0.0));
  return row;
}

void add_example(Page& page, const Explanation& e, const Explanation::Example& x) {
  page.add("<section>\n<h2>One {} image</h2>\n<div class=\"example\">{}<div>\n", x.kind,
           image_tag(picture_of(x.image), 128, x.kind + " image"));
  page.add(
      "<p>Row {} of its batch{}. P(real) is {:.4f}: sigmoid(gan_logit), with gan_logit = "
      "log Z − l_fake = {:.4f}. The formula Z / (Z + exp(l_fake)) gives {:.4f}.</p>\n",
      x.row, x.label.empty() ? "" : ", of the class " + escape_html(x.label), x.stable, x.gan_logit,
      x.naive);
  page.add("</div></div>\n");
  std::vector<std::string> head{""};
  for (size_t k = 0; k < x.probabilities.size(); ++k)
    head.push_back(k + 1 == x.probabilities.size() ? "generated"
                   : k < e.classes.size()          ? e.classes[k]
                                                   : fmt::format("{}", k));
  std::vector<std::vector<std::string>> rows{cells("logit", x.logits, "{:.3f}"),
                                             cells("probability", x.probabilities, "{:.4f}")};
  for (const Explanation::Pull& p : x.pulls) {
    rows.push_back(cells("gradient of " + p.loss, p.by_tape, "{:.2e}"));
    if (!p.by_formula.empty()) rows.push_back(cells(p.formula, p.by_formula, "{:.2e}"));
  }
  for (auto& row : rows) row.resize(head.size(), row.size() + 1 == head.size() ? "–" : "");
  page.table(head, rows);
  page.add("<p class=\"quiet\">{}A step moves each logit against its gradient. {}</p>\n",
           x.logits.size() < x.probabilities.size()
               ? "The softmax of the formulas is over the classes alone: their probabilities "
                 "divided by P(real). "
               : "",
           x.kind == "generated" &&
                   std::ranges::find(x.pulls, "g", &Explanation::Pull::loss) == x.pulls.end()
               ? "The generator's loss g reads the features, not the logits."
               : "");
  page.add(
      "<h3>Layer by layer</h3>\n<p class=\"quiet\">Channels side by side: orange is positive, "
      "blue negative, white 0; the largest value of a layer has the full colour.</p>\n"
      "<div class=\"layers\">\n");
  for (const auto& [name, t] : x.activations) {
    const bool is_map = t.shape().rank() == 3;
    if (!is_map && t.count() < 4) continue;
    page.add("<figure>{}<figcaption>{} {}{}</figcaption></figure>\n",
             image_tag(channels_of(t, kChannels), 150, name), escape_html(name),
             to_string(t.shape()),
             is_map && t.shape()[2] > kChannels ? fmt::format(", its first {} channels", kChannels)
                                                : "");
  }
  page.add("</div>\n</section>\n");
}

void add_checks(Page& page, const Explanation& e) {
  page.add(
      "<section>\n<h2>The parts are the whole</h2>\n"
      "<p>The gradients of d with respect to all images' logits add up to that of the last layer's "
      "bias. The largest relative difference is {:.1e}.</p>\n",
      e.bias_error());
  std::vector<std::string> head{""};
  for (size_t k = 0; k < e.bias_gradient.size(); ++k) head.push_back(fmt::format("{}", k));
  page.table(head, {cells("sum over the images", e.sum_of_pulls, "{:.2e}"),
                    cells("gradient of dense.bias", e.bias_gradient, "{:.2e}")});
  page.add(
      "</section>\n<section>\n<h2>Why the maximum is subtracted</h2>\n"
      "<p>P(real) of one image, in 32-bit numbers, as all its logits move up.</p>\n");
  std::vector<std::vector<std::string>> rows;
  for (const auto& o : e.overflow)
    rows.push_back({fmt::format("{:.4g}", o.largest), fmt::format("{:.4g}", o.z),
                    fmt::format("{:.6f}", o.naive), fmt::format("{:.6f}", o.stable)});
  page.table({"largest logit", "Z", "Z / (Z + exp(l_fake))", "by logsumexp"}, rows);
  page.add("</section>\n");
}

void add_parameters(Page& page, const Explanation& e) {
  page.add("<section>\n<h2>What does not learn</h2>\n");
  std::vector<std::vector<std::string>> rows;
  for (const Explanation::Parameter& p : e.parameters)
    if (p.learns != StepGraph::Learns::yes)
      rows.push_back({p.name,
                      p.learns == StepGraph::Learns::unread ? "no loss depends on it"
                                                            : "a batch norm subtracts it again",
                      fmt::format("{:.1e}", p.gradient_rms), fmt::format("{:.3f}", p.update_rms)});
  if (rows.empty())
    page.add("<p>Every parameter of this network learns.</p>\n");
  else
    page.table({"parameter", "why", "gradient, rms", "update over learning rate, rms"}, rows);
  page.add(
      "<p class=\"quiet\">The exact gradient of a bias before a batch norm is 0. What is "
      "computed is rounding, and Adam divides by its size, so the bias wanders. The network's "
      "output does not change by it.</p>\n</section>\n");
}

void add_adam(Page& page, const Explanation& e) {
  const Explanation::AdamStep& a = e.adam;
  page.add(
      "<section>\n<h2>One step of Adam</h2>\n<p>The weight <code>{}</code>, whose gradient is the "
      "largest of its layer, "
      "step t = "
      "{:.0f} of its optimiser, learning rate {:.4g}.</p>\n",
      escape_html(a.name), a.t, a.lr);
  page.table(
      {"", "before", "after"},
      {{"gradient g", fmt::format("{:.6e}", a.g), ""},
       {fmt::format("m = {} m + {} g", a.beta1, 1 - a.beta1), fmt::format("{:.6e}", a.m),
        fmt::format("{:.6e}", a.m_new)},
       {fmt::format("v = {} v + {:.3g} g²", a.beta2, 1 - a.beta2), fmt::format("{:.6e}", a.v),
        fmt::format("{:.6e}", a.v_new)},
       {"rate = lr √(1 − beta2^t) / (1 − beta1^t)", "", fmt::format("{:.6e}", a.rate)},
       {fmt::format("w − rate m / (√v + {:.0e})", a.epsilon), fmt::format("{:.8f}", a.w),
        fmt::format("{:.8f}", a.by_hand)},
       {"the program's w", fmt::format("{:.8f}", a.w), fmt::format("{:.8f}", a.by_program)}});
  page.add("</section>\n");
}

}  // namespace

std::string to_page(const Explanation& e, const std::string& title) {
  const Metrics& m = e.record->metrics;
  Page page;
  page.add(
      "<p class=\"quiet\">Step {}: {} real images, {} of them with their label, "
      "and {} generated ones. Every number below was computed in this step.</p>\n"
      "<dl class=\"tiles\">\n",
      e.record->step, e.images, e.labelled, e.generated);
  for (const auto& [name, value, of_gan] :
       {std::tuple{"d_real: real images taken for generated", m.d_real, true},
        {"d_fake: generated images taken for real", m.d_fake, true},
        {"d_class: wrong class on labelled images", m.d_class, false},
        {"d: what the discriminator learns", m.d, false},
        {"g: what the generator learns", m.g, true}})
    if (!of_gan || e.generated > 0)
      page.add("<div><dt>{}</dt><dd>{}</dd></div>\n", name, loss(value));
  page.add("</dl>\n{}",
           e.generated > 0 ? "" : "<p>Without a generator nothing trains P(real).</p>\n");
  for (const Explanation::Example& x : e.examples) add_example(page, e, x);
  add_checks(page, e);
  add_parameters(page, e);
  add_adam(page, e);
  return make_page(title, page.text(), Refresh::no, {.style = kStyle});
}

}  // namespace gradus::ssgan
