#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>

#include "apps/ssgan/report/page.h"
#include "apps/ssgan/report/text.h"
#include "apps/ssgan/study/toy.h"
#include "apps/ssgan/study/toy_script.h"

namespace gradus::ssgan {
namespace {

constexpr std::string_view kStyle = R"css(
.plane { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 14px; }
.planes { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); }
canvas { width: 100%; aspect-ratio: 1; border-radius: 8px; background: #ffffff; display: block; }
input[type=range] { width: 100%; accent-color: var(--c0); }
.controls { display: flex; gap: 14px; align-items: center; margin: 14px 0; }
.controls label { white-space: nowrap; }
button { font: inherit; padding: 4px 14px; }
output { display: block; font-variant-numeric: tabular-nums; margin: 0 0 12px; }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 5px;
  border: 1px solid var(--quiet); }
)css";

std::string bytes_of(const std::vector<double>& fractions) {
  std::vector<uint8_t> bytes;
  for (const double v : fractions)
    bytes.push_back(static_cast<uint8_t>(std::lround(255 * std::clamp(v, 0.0, 1.0))));
  return base64(std::as_bytes(std::span(bytes)));
}

/// With as many digits as a picture shows.
nlohmann::json rounded(const std::vector<double>& values, double digits) {
  nlohmann::json all = nlohmann::json::array();
  for (const double v : values) all.push_back(std::round(v * digits) / digits);
  return all;
}

/// Arrows, each frame's longest of length 1.
nlohmann::json unit(std::vector<double> ways) {
  double longest = 0;
  for (size_t i = 0; i + 1 < ways.size(); i += 2)
    longest = std::max(longest, std::hypot(ways[i], ways[i + 1]));
  if (longest > 0)
    for (double& v : ways) v /= longest;
  return rounded(ways, 1e3);
}

nlohmann::json data_of(const Toy& toy) {
  nlohmann::json data{{"grid", kToyGrid},
                      {"range", kToyRange},
                      {"unlabelled", rounded(toy.unlabelled, 1e3)},
                      {"labelled", rounded(toy.labelled, 1e3)},
                      {"classes", toy.classes},
                      {"frames", nlohmann::json::array()}};
  for (const ToyFrame& f : toy.frames)
    data["frames"].push_back({{"step", f.step},
                              {"class_1", bytes_of(f.class_1)},
                              {"real", bytes_of(f.real)},
                              {"made", rounded(f.made, 1e3)},
                              {"match", unit(f.match)},
                              {"fool", unit(f.fool)},
                              {"d_class", f.d_class},
                              {"d_real", f.d_real},
                              {"d_fake", f.d_fake},
                              {"g", f.g},
                              {"accuracy", f.accuracy}});
  return data;
}

}  // namespace

std::string toy_page(const Toy& toy, const ToyOptions& o) {
  std::string body = fmt::format(
      "<p class=\"quiet\">{} labelled points a class "
      "(large), {} unlabelled ones (small grey), the generator's loss: {}, seed {}. The losses are "
      "those of the tutorial. Move the slider through the training.</p>\n",
      o.labels, toy.unlabelled.size() / 2, escape_html(o.g_loss), o.seed);
  body +=
      "<div class=\"controls\"><button id=\"play\" type=\"button\">Play</button><label "
      "for=\"step\">training step</label><input id=\"step\" type=\"range\" min=\"0\" "
      "value=\"0\"></div>\n<output id=\"figures\" for=\"step\"></output>\n"
      "<div class=\"planes\"><figure class=\"plane\"><h3>Which class</h3><canvas id=\"classes\" "
      "role=\"img\" aria-label=\"The plane, coloured by the class that the discriminator gives "
      "each "
      "place\"></canvas><figcaption>What the discriminator takes each place for: <span "
      "class=\"key\" style=\"background:#fabe96\"></span>class 0, <span class=\"key\" "
      "style=\"background:#a0c8fa\"></span>class 1.</figcaption></figure>\n"
      "<figure class=\"plane\"><h3>Real or generated</h3><canvas id=\"real\" role=\"img\" "
      "aria-label=\"The plane, coloured by P(real), with the generated points and where the losses "
      "pull them\"></canvas><figcaption><span class=\"key\" style=\"background:#78beaa\"></span>"
      "P(real) near 1, white: near 0. <span class=\"key\" style=\"background:#86198f\"></span>"
      "Generated points. Arrows show where a loss moves them, each frame's longest at full "
      "length:<br><label><input id=\"match\" type=\"checkbox\" checked> <span class=\"key\" "
      "style=\"background:#c2410c\"></span>feature matching</label> <label><input id=\"fool\" "
      "type=\"checkbox\"> <span class=\"key\" style=\"background:#0b5cc0\"></span>fooling the "
      "discriminator</label></figcaption></figure></div>\n";
  body += "<script type=\"application/json\" id=\"toy\">" + data_of(toy).dump() + "</script>\n";
  return make_page("A semi-supervised GAN on points", body, Refresh::no,
                   {.style = kStyle, .script = kToyScript, .script_sha256 = kToyScriptSha256});
}

}  // namespace gradus::ssgan
