#include "nn/data/jpeg.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <utility>
// libjpeg's header needs stdio's in front of it, and its messages' needs libjpeg's.
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "tensor/error.h"

namespace gradus {
namespace {

/// Files that hold a large image in many tiny scans would take minutes.
constexpr int kMaxScans = 500;

/// libjpeg's errors end in a jump back to decode().
struct Errors : jpeg_error_mgr {
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX] = "";
};

[[noreturn]] void fail(j_common_ptr info) {
  auto* errors = static_cast<Errors*>(info->err);
  errors->format_message(info, errors->message);
  std::longjmp(errors->back, 1);
}

/// Of warnings (level -1), those that tell of pixels that were lost are errors.
void warn(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_NOT_SEQUENTIAL:
      fail(info);
    default:
      break;
  }
}

void count_scans(j_common_ptr info) {
  auto* decoder = reinterpret_cast<j_decompress_ptr>(info);
  if (decoder->input_scan_number <= kMaxScans) return;
  auto* errors = static_cast<Errors*>(info->err);
  std::snprintf(errors->message, sizeof(errors->message), "it has more than %d scans", kMaxScans);
  std::longjmp(errors->back, 1);
}

uint8_t product(uint8_t a, uint8_t b) {  // of fractions of 255, rounded
  const int p = a * b + 128;
  return static_cast<uint8_t>((p + (p >> 8)) >> 8);
}

/// Adobe stores 255 - ink: light is what each ink and black let through.
void cmyk_to_rgb(const uint8_t* from, int count, uint8_t* to) {
  for (int i = 0; i < count; ++i, from += 4)
    for (int c = 0; c < 3; ++c)
      *to++ = static_cast<uint8_t>(from[3] - product(static_cast<uint8_t>(255 - from[c]), from[3]));
}

class Decoder {
 public:
  Decoder(std::span<const std::byte> bytes, const std::string& name) : bytes_(bytes), name_(name) {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = fail;
    errors_.emit_message = warn;
    progress_.progress_monitor = count_scans;
  }
  ~Decoder() { jpeg_destroy_decompress(&info_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  Picture decode() {
    require<DataError>(read_header(), "{}: no JPEG, or a damaged one: {}", name_, errors_.message);
    const auto width = info_.image_width, height = info_.image_height;
    constexpr auto kMost = static_cast<JDIMENSION>(kMaxPictureExtent);
    require<DataError>(width <= kMost && height <= kMost, "{}: {} x {} pixels; at most {} each way",
                       name_, width, height, kMost);
    // Huffman's codes take a bit or more for each block of 8 x 8 pixels.
    const size_t blocks = size_t{(width + 7) / 8} * ((height + 7) / 8);
    require<DataError>(info_.arith_code || blocks <= 8 * bytes_.size(),
                       "{}: a damaged JPEG: {} bytes do not hold {} x {} pixels", name_,
                       bytes_.size(), width, height);
    picture_ = {static_cast<int>(width), static_cast<int>(height), {}};
    picture_.rgb.resize(size_t{3} * width * height);
    if (info_.num_components == 4) inks_.resize(size_t{4} * width);
    require<DataError>(read_pixels(), "{}: a damaged JPEG: {}", name_, errors_.message);
    return std::move(picture_);
  }

 private:
  // Nothing in these two has a destructor that a jump would leave out.
  bool read_header() {
    if (setjmp(errors_.back) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes_.data()),
                 static_cast<unsigned long>(bytes_.size()));
    jpeg_read_header(&info_, TRUE);
    return true;
  }

  bool read_pixels() {
    if (setjmp(errors_.back) != 0) return false;
    const bool cmyk = info_.num_components == 4;
    info_.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      uint8_t* const row = &picture_.rgb[size_t{3} * info_.image_width * info_.output_scanline];
      JSAMPROW to = cmyk ? inks_.data() : row;
      if (jpeg_read_scanlines(&info_, &to, 1) == 1 && cmyk)
        cmyk_to_rgb(inks_.data(), picture_.width, row);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  std::span<const std::byte> bytes_;
  std::string name_;
  Errors errors_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
  Picture picture_;
  std::vector<uint8_t> inks_;  ///< a row
};

/// Its errors, which can only be of memory, end in a jump back to encode().
class Encoder {
 public:
  Encoder() { info_.err = jpeg_std_error(&errors_); }
  ~Encoder() { jpeg_destroy_compress(&info_); }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  std::vector<uint8_t> encode(const Picture& picture, int quality) {
    errors_.error_exit = fail;
    // So that the library's own buffer, which it loses track of where it cannot grow, is not
    // needed: a block of 8 x 8 samples takes at most 64 coefficients of 26 bits, tables a kilobyte
    // or two.
    const auto blocks = [](int n) { return static_cast<size_t>(n + 7) / 8; };
    std::vector<uint8_t> out(blocks(picture.width) * blocks(picture.height) * 3 * 64 * 4 + 4096);
    bytes_ = out.data();
    size_ = out.size();
    require(write(picture, quality), "encode_jpeg: {}", errors_.message);
    require(bytes_ == out.data(), "encode_jpeg: {} bytes are more than reckoned", size_);
    out.resize(size_);
    return out;
  }

 private:
  // Nothing here has a destructor that a jump would leave out.
  bool write(const Picture& picture, int quality) {
    if (setjmp(errors_.back) != 0) return false;
    jpeg_create_compress(&info_);
    jpeg_mem_dest(&info_, &bytes_, &size_);
    info_.image_width = static_cast<JDIMENSION>(picture.width);
    info_.image_height = static_cast<JDIMENSION>(picture.height);
    info_.input_components = 3;
    info_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info_);
    jpeg_set_quality(&info_, quality, TRUE);
    info_.comp_info[0].h_samp_factor = info_.comp_info[0].v_samp_factor = 1;
    info_.optimize_coding = TRUE;
    jpeg_start_compress(&info_, TRUE);
    while (info_.next_scanline < info_.image_height) {
      auto* row =
          const_cast<uint8_t*>(&picture.rgb[size_t{3} * info_.image_width * info_.next_scanline]);
      jpeg_write_scanlines(&info_, &row, 1);
    }
    jpeg_finish_compress(&info_);
    return true;
  }

  Errors errors_{};
  jpeg_compress_struct info_{};
  unsigned char* bytes_ = nullptr;
  unsigned long size_ = 0;
};

}  // namespace

std::vector<uint8_t> encode_jpeg(const Picture& picture, int quality) {
  return Encoder().encode(picture, quality);
}

Picture decode_jpeg(std::span<const std::byte> bytes, const std::string& name) {
  return Decoder(bytes, name).decode();
}

}  // namespace gradus
