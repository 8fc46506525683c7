#include "nn/data/mat_stream.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <span>

#include "nn/data/deflate.h"
#include "tensor/file_kind.h"

namespace gradus {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are swapped for big files only");

constexpr uint64_t kHeaderBytes = 128;
constexpr uint64_t kTagBytes = 8;

/// Whether a level-4 file begins so: the number MOPT, rows, columns, 0 or 1, the name's length.
bool is_level_4(std::string_view text) {
  std::array<uint32_t, 5> words;
  if (text.size() < sizeof(words)) return false;
  std::memcpy(words.data(), text.data(), sizeof(words));
  for (const bool swap : {false, true}) {
    if (swap)
      for (uint32_t& w : words) w = __builtin_bswap32(w);
    const uint32_t mopt = words[0];
    if (mopt / 1000 <= 4 && mopt / 100 % 10 == 0 && mopt / 10 % 10 <= 5 && mopt % 10 <= 2 &&
        words[3] <= 1 && words[4] >= 1 && words[4] <= 64 && std::max(words[1], words[2]) < 1u << 31)
      return true;
  }
  return false;
}

}  // namespace

MatStream::MatStream(const std::filesystem::path& path) : path_(path.string()) {
  std::error_code error;
  check(std::filesystem::exists(path, error), "no such file");
  check(std::filesystem::is_regular_file(path, error), "not a file");
  size_ = std::filesystem::file_size(path, error);
  file_.open(path, std::ios::binary);
  check(!error && file_.is_open(), "cannot be opened for reading");
  read_file_header();
}

MatStream::~MatStream() = default;

void MatStream::read_file_header() {
  std::array<char, kHeaderBytes> header{};
  const uint64_t bytes = std::min(size_, kHeaderBytes);
  read_raw(header.data(), bytes);
  const std::string_view text(header.data(), bytes);
  const size_t first = text.find_first_not_of(" \t\r\n");
  check(first == std::string_view::npos || text[first] != '<',
        "not a MAT file: it looks like an HTML page: was the download redirected?");
  check(size_ > 0, "not a MAT file: it is empty");
  check(!text.starts_with("MATLAB 7.3") && text.substr(0, 4) != "\x89HDF",
        "a MAT file of version 7.3 (HDF5); save it again with -v7");
  check(!is_level_4(text), "a MAT file of version 4; save it again with -v7");
  const std::string kind =
      text.starts_with("MATLAB ") ? "" : looks_like(std::as_bytes(std::span(text)));
  check(size_ >= kHeaderBytes || text.starts_with("MATLAB"), "not a MAT file{}", kind);
  check(size_ >= kHeaderBytes,
        "truncated: it ends at byte {} within the file's header of {} bytes: was a download "
        "interrupted?",
        size_, kHeaderBytes);
  const std::string_view tail = text.substr(124);
  big_endian_ = tail == std::string_view("\1\0MI", 4);
  check(big_endian_ || tail == std::string_view("\0\1IM", 4),
        "not a MAT file of level 5{}: its header should end with version 0x0100 and \"IM\" or "
        "\"MI\"",
        kind);
  next_ = kHeaderBytes;
}

void MatStream::call(const std::string& name) {
  what_ = fmt::format("array \"{}\" at byte {}", name, start_);
}

bool MatStream::next() {
  if (next_ == size_) return false;
  start_ = next_;
  compressed_ = false;
  check(size_ - start_ >= kTagBytes,
        "truncated: it ends at byte {} within the tag of the element at byte {}: was a download "
        "interrupted?",
        size_, start_);
  what_ = fmt::format("the element at byte {}", start_);
  file_.seekg(static_cast<std::streamoff>(start_));
  raw_left_ = left_ = kTagBytes;
  const uint32_t type = take_word(), bytes = take_word();
  check(type == kMatMatrix || type == kMatCompressed,
        "{} is of type {}; an array (14) or a compressed one (15) is expected", what_, type);
  check(bytes <= size_ - start_ - kTagBytes,
        "truncated: it ends at byte {}, but {} reaches to byte {}: was a download interrupted?",
        size_, what_, start_ + kTagBytes + bytes);
  next_ = start_ + kTagBytes + bytes;
  raw_left_ = left_ = bytes;
  if (type == kMatCompressed)
    begin_compressed();
  else
    next_ = std::min(size_, next_ + (kTagBytes - bytes % kTagBytes) % kTagBytes);
  return true;
}

void MatStream::begin_compressed() {
  const uint64_t compressed_bytes = raw_left_;
  if (!inflater_) {
    auto z = std::make_unique<z_stream>();
    if (inflateInit(z.get()) != Z_OK) throw std::bad_alloc();
    inflater_.reset(z.release());
  }
  inflateReset(inflater_.get());
  inflater_->avail_in = 0;
  compressed_ = true;
  stream_ended_ = false;
  left_ = kTagBytes;
  const uint32_t type = take_word(), bytes = take_word();
  check(type == kMatMatrix, "{} holds type {} in compressed form; an array (14) is expected", what_,
        type);
  check(bytes <= kMaxDeflateRatio * compressed_bytes,
        "{} announces {} bytes, more than its {} compressed ones can hold", what_, bytes,
        compressed_bytes);
  left_ = bytes;
}

uint32_t MatStream::take_word() {
  uint32_t word = 0;
  take(&word, sizeof(word));
  return big_endian_ ? __builtin_bswap32(word) : word;
}

void MatStream::take(void* to, uint64_t bytes) {
  check(bytes <= left_, "{} ends in the middle of its content", what_);
  left_ -= bytes;
  if (compressed_) {
    inflate_to(static_cast<Bytef*>(to), bytes);
  } else {
    read_raw(to, bytes);
    raw_left_ -= bytes;
  }
}

void MatStream::inflate_to(Bytef* to, uint64_t bytes) {
  z_stream& z = *inflater_;
  z.next_out = to;
  z.avail_out = static_cast<uInt>(bytes);  // no array has more than 32 bits tell
  while (z.avail_out > 0) {
    check(!stream_ended_, "{}: its compressed data ends {} bytes early", what_,
          left_ + z.avail_out);
    inflate_more();
  }
}

void MatStream::inflate_more() {
  z_stream& z = *inflater_;
  if (z.avail_in == 0 && raw_left_ > 0) {
    const uint64_t n = std::min<uint64_t>(raw_left_, input_.size());
    read_raw(input_.data(), n);
    raw_left_ -= n;
    z.next_in = input_.data();
    z.avail_in = static_cast<uInt>(n);
  }
  const int status = inflate(&z, Z_NO_FLUSH);
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  check(status == Z_OK || status == Z_STREAM_END, "{}: its compressed data is damaged: {}", what_,
        z.msg ? z.msg : "it ends early");
  stream_ended_ = status == Z_STREAM_END;
}

void MatStream::finish() {
  check(left_ < kTagBytes, "{}: {} bytes follow its values", what_, left_);
  std::array<Bytef, kTagBytes> rest{};
  take(rest.data(), left_);
  if (!compressed_) return;
  z_stream& z = *inflater_;
  z.next_out = rest.data();
  z.avail_out = 1;
  while (!stream_ended_ && z.avail_out > 0) inflate_more();
  check(z.avail_out > 0, "{}: its compressed data is longer than announced", what_);
  check(raw_left_ + z.avail_in == 0, "{}: {} bytes follow its compressed data", what_,
        raw_left_ + z.avail_in);
}

void MatStream::read_raw(void* to, uint64_t bytes) {
  file_.read(static_cast<char*>(to), static_cast<std::streamsize>(bytes));
  check(static_cast<uint64_t>(file_.gcount()) == bytes, "cannot be read to its end");
}

}  // namespace gradus
