#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <string_view>

#include "nn/data/deflate.h"
#include "nn/data/png.h"
#include "tensor/error.h"
#include "tensor/file_kind.h"

namespace gradus {
namespace {

class Decoder {
 public:
  Decoder(std::span<const std::byte> bytes, const std::string& name)
      : bytes_(bytes), rest_(bytes), name_(name) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, warn);
    info_ = png_ ? png_create_info_struct(png_) : nullptr;
    if (!info_) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw std::bad_alloc();
    }
  }
  ~Decoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  Picture decode() {
    require<DataError>(read_header(), "{}: no PNG, or a damaged one: {}{}", name_, message_,
                       bytes_.size() < 8 || std::memcmp(bytes_.data() + 1, "PNG", 3) != 0
                           ? looks_like(bytes_.first(std::min<size_t>(bytes_.size(), 128)))
                           : "");
    const uint64_t width = png_get_image_width(png_, info_);
    const uint64_t height = png_get_image_height(png_, info_);
    require<DataError>(width <= kMaxPictureExtent && height <= kMaxPictureExtent,
                       "{}: {} x {} pixels; at most {} each way", name_, width, height,
                       kMaxPictureExtent);
    require<DataError>(png_get_rowbytes(png_, info_) * height <= kMaxDeflateRatio * bytes_.size(),
                       "{}: a damaged PNG: {} bytes do not hold {} x {} pixels", name_,
                       bytes_.size(), width, height);
    Picture picture{static_cast<int>(width), static_cast<int>(height), {}};
    picture.rgb.resize(3 * width * height);
    rows_.resize(height);
    for (size_t y = 0; y < height; ++y) rows_[y] = &picture.rgb[3 * width * y];
    require<DataError>(read_pixels(), "{}: a damaged PNG: {}", name_, message_);
    return picture;
  }

 private:
  static Decoder& self(png_structp png) { return *static_cast<Decoder*>(png_get_error_ptr(png)); }

  [[noreturn]] static void fail(png_structp png, png_const_charp message) {
    Decoder& d = self(png);
    std::strncpy(d.message_, message, sizeof(d.message_) - 1);
    png_longjmp(png, 1);
  }

  /// Warnings are about chunks that do not matter, but for those about the pixels' own.
  static void warn(png_structp png, png_const_charp message) {
    const std::string_view text = message;
    if (text.starts_with("IDAT: ") && text.find("data check") != text.npos) fail(png, message);
  }

  static void read(png_structp png, png_bytep to, size_t count) {
    auto& d = *static_cast<Decoder*>(png_get_io_ptr(png));
    if (count > d.rest_.size()) png_error(png, "it ends early");
    std::memcpy(to, d.rest_.data(), count);
    d.rest_ = d.rest_.subspan(count);
  }

  // Nothing in these two has a destructor that a jump would leave out.
  bool read_header() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_read_fn(png_, this, read);
    png_set_benign_errors(png_, 1);
    // Unseen, but for the palette and the pixels: -1 means every other kind of chunk but tRNS.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER,
                                reinterpret_cast<png_const_bytep>("tRNS"), 1);
    png_set_chunk_malloc_max(png_, 0);  // of chunks passed over nothing is kept
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_read_info(png_, info_);
    return true;
  }

  bool read_pixels() {
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    png_set_expand(png_);
    png_set_strip_16(png_);
    png_set_strip_alpha(png_);
    png_set_gray_to_rgb(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    png_read_image(png_, rows_.data());
    png_read_end(png_, nullptr);
    return true;
  }

  std::span<const std::byte> bytes_, rest_;
  std::string name_;
  char message_[256] = "";
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::vector<png_bytep> rows_;
};

}  // namespace

Picture decode_png(std::span<const std::byte> bytes, const std::string& name) {
  return Decoder(bytes, name).decode();
}

}  // namespace gradus
