#include "apps/ssgan/report/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "apps/ssgan/json.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

std::string text_of(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return {};
  const auto bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The pieces between separators, without a carriage return at the end.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (true) {
    const size_t end = text.find(separator);
    std::string_view piece = text.substr(0, end);
    if (piece.ends_with('\r')) piece.remove_suffix(1);
    pieces.push_back(piece);
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

/// False where the field is neither empty nor a number.
bool parse(std::string_view field, double& value) {
  value = kMissing;
  if (field.empty()) return true;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  return error == std::errc() && end == field.data() + field.size();
}

void add(Log& log, std::vector<double> row, size_t key, bool still_written) {
  if (std::isfinite(row[key]))
    log.table.rows.push_back(std::move(row));
  else if (!still_written)
    ++log.skipped;
}

void keep_last(Table& table, size_t key) {
  auto& rows = table.rows;
  std::ranges::stable_sort(rows, {}, [key](const auto& row) { return row[key]; });
  size_t kept = 0;
  for (size_t i = 0; i < rows.size(); ++i)
    if (i + 1 == rows.size() || rows[i][key] != rows[i + 1][key]) std::swap(rows[kept++], rows[i]);
  rows.resize(kept);
}

}  // namespace

size_t Table::index(std::string_view name) const {
  const auto it = std::ranges::find(names, name);
  if (it == names.end()) throw std::out_of_range("no column " + std::string(name));
  return static_cast<size_t>(it - names.begin());
}

bool Table::has(std::string_view name) const {
  const size_t column = index(name);
  return std::ranges::any_of(rows, [&](const auto& row) { return std::isfinite(row[column]); });
}

Log read_csv(const std::filesystem::path& path, std::vector<std::string> names,
             std::string_view key) {
  Log log{{std::move(names), {}}, 0};
  const size_t key_column = log.table.index(key);
  const std::string text = text_of(path);
  const auto lines = split(text, '\n');
  const auto header = split(lines[0], ',');
  std::vector<size_t> position;
  for (const std::string& name : log.table.names)
    position.push_back(static_cast<size_t>(std::ranges::find(header, name) - header.begin()));

  for (const std::string_view line : std::span(lines).subspan(1)) {
    if (line.empty()) continue;
    const auto fields = split(line, ',');
    std::vector<double> row(position.size(), kMissing);
    bool ok = fields.size() == header.size();
    for (size_t i = 0; i < row.size() && ok; ++i)
      if (position[i] < fields.size()) ok = parse(fields[position[i]], row[i]);
    if (!ok) row[key_column] = kMissing;
    add(log, std::move(row), key_column, line.data() + line.size() == text.data() + text.size());
  }
  keep_last(log.table, key_column);
  return log;
}

Log read_json_lines(const std::filesystem::path& path, std::vector<std::string> names,
                    std::string_view key) {
  Log log{{std::move(names), {}}, 0};
  const size_t key_column = log.table.index(key);
  const std::string text = text_of(path);
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    const auto json = parse_json_object(line);
    std::vector<double> row(log.table.names.size(), kMissing);
    if (json.is_object())
      for (size_t i = 0; i < row.size(); ++i) {
        const auto it = json.find(log.table.names[i]);
        if (it != json.end() && it->is_number()) row[i] = it->get<double>();
      }
    add(log, std::move(row), key_column, line.data() + line.size() == text.data() + text.size());
  }
  keep_last(log.table, key_column);
  return log;
}

Thinned thin(const Table& table, size_t most) {
  const size_t group = std::max<size_t>(1, (table.rows.size() + most - 1) / most);
  return {grouped_rows(table, group), group};
}

Table grouped_rows(const Table& table, size_t group) {
  Table out{table.names, {}};
  for (size_t begin = 0; begin < table.rows.size(); begin += group) {
    const size_t end = std::min(begin + group, table.rows.size());
    std::vector<double> means;
    for (size_t column = 0; column < table.names.size(); ++column) {
      double sum = 0;
      int count = 0;
      for (size_t i = begin; i < end; ++i)
        if (const double v = table.rows[i][column]; std::isfinite(v)) sum += v, ++count;
      means.push_back(count > 0 ? sum / count : kMissing);
    }
    out.rows.push_back(std::move(means));
  }
  return out;
}

}  // namespace gradus::ssgan
