#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::ssgan {

/// Numbers in named columns; NaN where a value is missing.
struct Table {
  std::vector<std::string> names;
  std::vector<std::vector<double>> rows;  ///< each as long as `names`

  /// Throws std::out_of_range for an unknown name.
  size_t index(std::string_view name) const;
  /// Whether any row has a finite value there. Throws as index.
  bool has(std::string_view name) const;
};

/// The columns `names` of a log that may still be growing: lines that do not parse are left out
/// and counted in `skipped`, but for a last one without its line end, which is still being written.
/// Rows come ordered by the column `key`; of rows with the same key, which a resumed run leaves,
/// the last in the file counts. A file that is missing gives no rows; one that cannot be read
/// throws DataError, a `key` that is none of `names` std::out_of_range.
struct Log {
  Table table;
  size_t skipped = 0;
};
/// Comma-separated, the first line names the columns; empty fields are missing values.
Log read_csv(const std::filesystem::path& path, std::vector<std::string> names,
             std::string_view key);
/// One JSON object a line.
Log read_json_lines(const std::filesystem::path& path, std::vector<std::string> names,
                    std::string_view key);

/// Rows that are each the mean of `group` neighbours' present values; at least 1.
Table grouped_rows(const Table& table, size_t group);
/// The same, by as many neighbours as leave at most `most` rows; at least 1.
struct Thinned {
  Table table;
  size_t group = 1;
};
Thinned thin(const Table& table, size_t most);

}  // namespace gradus::ssgan
