#include "tensor/file_kind.h"

#include <algorithm>
#include <string_view>

namespace gradus {
namespace {

struct Magic {
  std::string_view bytes;
  const char* kind;
};

using namespace std::string_view_literals;

constexpr Magic kMagics[] = {{"\x1f\x8b"sv, "a gzip file"},
                             {"PK\3\4"sv, "a zip archive"},
                             {"PK\5\6"sv, "an empty zip archive"},
                             {"BZh"sv, "a bzip2 file"},
                             {"\xfd"
                              "7zXZ\0"sv,
                              "an xz file"},
                             {"\x28\xb5\x2f\xfd"sv, "a Zstandard file"},
                             {"7z\xbc\xaf\x27\x1c"sv, "a 7z archive"},
                             {"Rar!"sv, "a RAR archive"},
                             {"\x89HDF\r\n\x1a\n"sv, "an HDF5 file"},
                             {"\x89PNG\r\n\x1a\n"sv, "a PNG image"},
                             {"\xff\xd8\xff"sv, "a JPEG image"},
                             {"GIF87a"sv, "a GIF image"},
                             {"GIF89a"sv, "a GIF image"},
                             {"BM"sv, "a BMP image"},
                             {"II*\0"sv, "a TIFF image"},
                             {"MM\0*"sv, "a TIFF image"},
                             {"%PDF-"sv, "a PDF document"},
                             {"MATLAB "sv, "a MAT file"},
                             {"\x93NUMPY"sv, "a NumPy array"},
                             {"\x80\2"sv, "a Python pickle"},
                             {"\x7f"
                              "ELF"sv,
                              "a program"}};

/// Mostly ASCII, the rest as UTF-8 or Latin-1 have it.
bool is_text(std::string_view text) {
  size_t ascii = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0x7f || (byte < ' ' && byte != '\n' && byte != '\r' && byte != '\t')) return false;
    ascii += byte < 0x80;
  }
  return 2 * ascii > text.size();
}

const char* kind_of(std::string_view text) {
  for (const Magic& m : kMagics)
    if (text.starts_with(m.bytes)) return m.kind;
  if (text.size() >= 12 && text.starts_with("RIFF") && text.substr(8, 4) == "WEBP")
    return "a WebP image";
  if (text.size() >= 12 && text.substr(4, 4) == "ftyp") return "an AVIF, HEIF or MP4 file";
  if (!is_text(text)) return nullptr;
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && text[first] == '<' ? "an HTML or XML page" : "a text file";
}

}  // namespace

std::string looks_like(std::span<const std::byte> beginning) {
  if (beginning.empty()) return ", it is empty";
  const char* const kind =
      kind_of({reinterpret_cast<const char*>(beginning.data()), beginning.size()});
  return kind ? std::string(", it looks like ") + kind : "";
}

}  // namespace gradus
