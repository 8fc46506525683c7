#include <algorithm>
#include <iterator>

#include "apps/ssgan/report/text.h"
#include "apps/ssgan/study/step_graph.h"

namespace gradus::ssgan {
namespace {

using Box = StepGraph::Box;

struct Colours {
  const char *fill, *line;
};

Colours colours_of(const Box& b) {
  if (!b.reaches_loss) return {"#e3e5e8", "#9aa1a9"};
  if (b.for_d && b.for_g) return {"#ecdcf5", "#7b2fa0"};
  if (b.for_d) return {"#d9e8fb", "#0b5cc0"};
  if (b.for_g) return {"#fde3d2", "#c2410c"};
  return {"#ffffff", "#3b4652"};
}

constexpr const char* kLegend[][2] = {{"runs backwards for the discriminator's gradient", "d"},
                                      {"for the generator's", "g"},
                                      {"for both", "dg"},
                                      {"forwards only", "1"},
                                      {"reaches no loss", ""}};

Box example_of(const std::string& kind) {
  Box b;
  b.for_d = kind.find('d') != kind.npos;
  b.for_g = kind.find('g') != kind.npos;
  b.reaches_loss = !kind.empty();
  return b;
}

std::string details(const Box& b) {
  if (b.operations.empty()) return "data";
  return b.operations + "  " + to_string(b.shape);
}

// The picture's own layout: rows from top to bottom, each box as late as its readers allow, so that
// the discriminator's two calls lie side by side; columns by the call, the others between what they
// read.
constexpr double kWidth = 236, kHeight = 42, kRow = 72, kGap = 24, kTop = 150;

struct Place {
  int row = 0;
  double x = 0;  ///< of its middle
};

std::vector<int> rows_of(const std::vector<Box>& boxes) {
  std::vector<int> first(boxes.size(), 0);
  for (size_t i = 0; i < boxes.size(); ++i)
    for (const int in : boxes[i].inputs) first[i] = std::max(first[i], first[in] + 1);
  const int last = first.empty() ? 0 : *std::ranges::max_element(first);
  std::vector<int> rows(boxes.size(), last + 1);
  for (size_t i = boxes.size(); i-- > 0;) {
    if (rows[i] > last) rows[i] = boxes[i].reaches_loss ? last : first[i];  // nothing reads it
    for (const int in : boxes[i].inputs) rows[in] = std::min(rows[in], rows[i] - 1);
  }
  return rows;
}

double column_of(const Box& b) {
  if (b.name == "z" || b.name.starts_with("generator") || b.name.starts_with("fake")) return 3;
  if (b.name == "images" || b.name.starts_with("real")) return 1;
  return -1;
}

std::vector<Place> layout(const std::vector<Box>& boxes) {
  const std::vector<int> rows = rows_of(boxes);
  std::vector<Place> places(boxes.size());
  std::map<int, std::vector<size_t>> by_row;
  for (size_t i = 0; i < boxes.size(); ++i) by_row[places[i].row = rows[i]].push_back(i);
  for (auto& [row, members] : by_row) {
    for (const size_t i : members) {
      double sum = 0;
      for (const int in : boxes[i].inputs) sum += places[in].x;
      const double column = column_of(boxes[i]);
      const bool beside = !boxes[i].reaches_loss;  // to the outer side of what it reads
      places[i].x = column >= 0 && !beside ? column * (kWidth + kGap)
                    : boxes[i].inputs.empty()
                        ? 0
                        : sum / double(boxes[i].inputs.size()) +
                              (beside ? (sum > 2 * (kWidth + kGap) ? 1 : -1) * (kWidth + kGap) : 0);
    }
    std::ranges::stable_sort(members, {}, [&](size_t i) { return places[i].x; });
    for (size_t k = 1; k < members.size(); ++k)
      places[members[k]].x =
          std::max(places[members[k]].x, places[members[k - 1]].x + kWidth + kGap);
  }
  return places;
}

void add_box(std::string& out, const Box& b, double x, double y, const std::string& name,
             const std::string& text) {
  const Colours c = colours_of(b);
  fmt::format_to(std::back_inserter(out),
                 "<g><title>{0}: {1}</title><rect x=\"{2:.0f}\" y=\"{3:.0f}\" width=\"{4:.0f}\" "
                 "height=\"{5:.0f}\" rx=\"6\" fill=\"{6}\" stroke=\"{7}\" stroke-width=\"1.5\"/>"
                 "<text x=\"{8:.0f}\" y=\"{9:.0f}\" font-weight=\"600\">{0}</text>"
                 "<text x=\"{8:.0f}\" y=\"{10:.0f}\" font-size=\"10\">{11}</text></g>\n",
                 escape_html(name), escape_html(text), x - kWidth / 2, y, kWidth, kHeight, c.fill,
                 c.line, x, y + 17, y + 33,
                 escape_html(text.size() > 44 ? text.substr(0, 41) + "..." : text));
}

}  // namespace

std::string to_dot(const StepGraph& graph) {
  std::string out =
      "digraph step {\n"
      "  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", fontsize=11];\n"
      "  // blue: runs backwards for the discriminator's gradient; orange: for the generator's;\n"
      "  // violet: for both; white: forwards only; grey: reaches no loss\n";
  auto add = std::back_inserter(out);
  for (size_t i = 0; i < graph.boxes.size(); ++i) {
    const Box& b = graph.boxes[i];
    const Colours c = colours_of(b);
    fmt::format_to(add, "  n{} [label=\"{}\\n{}\", fillcolor=\"{}\", color=\"{}\"];\n", i, b.name,
                   details(b), c.fill, c.line);
    for (const int in : b.inputs) fmt::format_to(add, "  n{} -> n{};\n", in, i);
  }
  return out + "}\n";
}

std::string to_svg(const StepGraph& graph) {
  std::vector<Place> places = layout(graph.boxes);
  double left = 0, right = 0;
  int last = 0;
  for (const Place& p : places) {
    left = std::min(left, p.x - kWidth / 2);
    right = std::max(right, p.x + kWidth / 2);
    last = std::max(last, p.row);
  }
  for (Place& p : places) p.x += 16 - left;
  const double width = right - left + 32, height = kTop + (last + 1) * kRow;
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" role=\"img\" font-family=\"Helvetica, Arial, sans-serif\" "
      "font-size=\"13\" text-anchor=\"middle\">\n<title>The tape of a training step</title>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
      width, height);
  auto add = std::back_inserter(out);
  double y = 12;
  for (const auto& [text, kind] : kLegend) {
    const Colours c = colours_of(example_of(kind));
    fmt::format_to(
        add,
        "<rect x=\"16\" y=\"{0:.0f}\" width=\"26\" height=\"16\" rx=\"4\" fill=\"{1}\" "
        "stroke=\"{2}\"/><text x=\"50\" y=\"{3:.0f}\" text-anchor=\"start\">{4}</text>\n",
        y, c.fill, c.line, y + 12.5, text);
    y += 24;
  }
  for (size_t i = 0; i < graph.boxes.size(); ++i)
    for (const int in : graph.boxes[i].inputs) {
      const double x1 = places[in].x, y1 = kTop + places[in].row * kRow + kHeight, x2 = places[i].x,
                   y2 = kTop + places[i].row * kRow, bend = (y2 - y1) / 2;
      // Around the boxes that lie straight between.
      const bool around = x1 == x2 && places[i].row > places[in].row + 1;
      const double aside = around ? 0.75 * kWidth : 0;
      fmt::format_to(add,
                     "<path d=\"M{:.0f} {:.0f}C{:.0f} {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}\" "
                     "fill=\"none\" stroke=\"{}\" stroke-width=\"1.4\"/>\n",
                     x1, y1, x1 - aside, y1 + bend, x2 - aside, y2 - bend, x2, y2,
                     colours_of(graph.boxes[i]).line);
    }
  for (size_t i = 0; i < graph.boxes.size(); ++i)
    add_box(out, graph.boxes[i], places[i].x, kTop + places[i].row * kRow, graph.boxes[i].name,
            details(graph.boxes[i]));
  return out + "</svg>\n";
}

}  // namespace gradus::ssgan
