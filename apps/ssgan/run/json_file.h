#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace gradus::ssgan {

/// The object that a file holds; an empty one where it holds no JSON object. Throws as read_file.
nlohmann::ordered_json read_json_object(const std::filesystem::path& path);
/// Replaces the file. Bytes that are not UTF-8 become U+FFFD. Throws OutputError.
void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& json);

}  // namespace gradus::ssgan
