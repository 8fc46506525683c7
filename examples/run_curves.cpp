// A column of the epochs.csv of runs of ssgan, as a picture: run_curves PICTURE.svg COLUMN RUN...

#include <filesystem>
#include <sstream>

#include "plot.h"

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  return cells;
}

/// Throws std::runtime_error that names the file where there is none, or no such column.
std::vector<double> read(const std::filesystem::path& csv, const std::string& column) {
  std::ifstream in(csv);
  std::string line;
  if (!std::getline(in, line)) throw std::runtime_error(csv.string() + ": cannot be read");
  const auto names = cells_of(line);
  const auto found = std::find(names.begin(), names.end(), column);
  if (found == names.end())
    throw std::runtime_error(fmt::format("{}: no column {} in: {}", csv.string(), column, line));
  std::vector<double> values;
  while (std::getline(in, line)) {
    const auto cells = cells_of(line);
    const size_t at = size_t(found - names.begin());
    values.push_back(
        at < cells.size() && !cells[at].empty() ? std::strtod(cells[at].c_str(), nullptr) : NAN);
  }
  return values;
}

int main(int argc, char** argv) try {
  if (argc < 4) throw std::runtime_error("usage: run_curves PICTURE.svg COLUMN RUN...");
  std::string title = argv[2];
  std::replace(title.begin(), title.end(), '_', ' ');
  Plot plot({.title = title, .x_label = "step"});
  for (int i = 3; i < argc; ++i) {
    const std::filesystem::path run = argv[i];
    const auto x = read(run / "epochs.csv", "step"), y = read(run / "epochs.csv", argv[2]);
    fmt::print("{}: {} epochs, last {}\n", run.string(), y.size(), y.empty() ? NAN : y.back());
    const int colour = (i - 3) % Svg::kGrey;
    plot.line(run.filename().string(), x, y, colour);
    plot.points("", x, y, colour);
  }
  plot.save(argv[1]);
} catch (const std::exception& e) {
  fmt::print(stderr, "{}\n", e.what());
  return 1;
}
