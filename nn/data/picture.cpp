#include "nn/data/picture.h"

#include <cstring>
#include <string_view>

#include "nn/data/jpeg.h"
#include "nn/data/png.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/file_kind.h"

namespace gradus {

Picture read_picture(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\x89PNG")) return decode_png(bytes, path.string());
  if (text.starts_with("\xff\xd8")) return decode_jpeg(bytes, path.string());
  throw DataError(fmt::format("{}: no PNG, nor a JPEG{}", path.string(), looks_like(bytes)));
}

}  // namespace gradus
