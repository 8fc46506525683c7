#include "apps/ssgan/run/json_file.h"

#include "apps/ssgan/json.h"
#include "tensor/file.h"

namespace gradus::ssgan {

nlohmann::ordered_json read_json_object(const std::filesystem::path& path) {
  const auto bytes = read_file(path);
  auto json = parse_json_object({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return json.is_object() ? json : nlohmann::ordered_json::object();
}

void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& json) {
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  write_file(path, json.dump(2, ' ', false, replace) + "\n");
}

}  // namespace gradus::ssgan
