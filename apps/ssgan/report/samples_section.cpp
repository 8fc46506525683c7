#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "apps/ssgan/report/picture_figure.h"
#include "apps/ssgan/report/sections.h"
#include "apps/ssgan/report/text.h"

namespace gradus::ssgan {
namespace {

constexpr int kColumns = 8, kPadding = 2;  // of a grid (model/samples.h)
constexpr int kMostRows = 4;
constexpr size_t kMostBytes = 600'000;  // of all epochs' figures together

/// The grid's first rows, where the picture is one.
Picture first_rows(const Picture& grid) {
  Picture out = grid;
  if ((grid.width - kPadding) % kColumns == 0)
    out.height = std::min(grid.height, (grid.width - kPadding) / kColumns * kMostRows + kPadding);
  out.rgb.resize(size_t{3} * out.width * out.height);
  return out;
}

}  // namespace

std::string samples_section(const RunRecord& run) {
  if (run.samples.empty()) return {};
  struct Shown {
    int64_t epoch;
    std::string figure;
  };
  std::vector<Shown> all;
  size_t bytes = 0;
  for (const Sample& s : run.samples) {
    const std::string when = fmt::format("after epoch {}", grouped(double(s.epoch)));
    all.push_back({s.epoch, picture_figure(first_rows(s.picture),
                                           "Grid of images made by the generator, " + when,
                                           "generated " + when)});
    bytes += all.back().figure.size();
  }
  // Every other one goes where they are too many for a page, but for the last.
  while (bytes > kMostBytes && all.size() > 2) {
    std::vector<Shown> fewer;
    bytes = 0;
    for (size_t i = (all.size() - 1) % 2; i < all.size(); i += 2) {
      bytes += all[i].figure.size();
      fewer.push_back(std::move(all[i]));
    }
    all = std::move(fewer);
  }
  std::string out =
      "<section>\n<h2>Generated images</h2>\n<div class=\"samples\">\n"
      "<div class=\"slider\" data-label=\"Epoch of the generated images\">\n";
  for (const Shown& s : all) out += s.figure;
  out += "</div>\n";
  if (!run.real.rgb.empty())
    out += picture_figure(first_rows(run.real), "Grid of real images", "real test images");
  return out + "</div>\n</section>\n";
}

}  // namespace gradus::ssgan
