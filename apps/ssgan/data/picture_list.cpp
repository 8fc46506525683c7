#include "apps/ssgan/data/picture_list.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "nn/data/image_folder.h"
#include "nn/data/picture.h"
#include "tensor/error.h"

namespace gradus::ssgan {
namespace {

namespace fs = std::filesystem;

class Reader {
 public:
  Reader(int side, const std::function<void(const std::string&)>& complain)
      : side_(side), complain_(complain) {}

  /// `picture()` throws DataError where there is none.
  void add(const std::string& name, const std::function<Picture()>& picture) {
    try {
      const Picture whole = picture();
      const size_t at = pixels_.size();
      pixels_.resize(at + size_t{3} * size_t(side_) * size_t(side_));
      fit_picture(whole, side_, std::span(pixels_).subspan(at));
      list_.names.push_back(name);
    } catch (const DataError& e) {
      fail(e.what());
    }
  }

  void add_named(const std::string& name) {
    std::error_code error;
    if (!fs::is_directory(name, error)) return add(name, [&] { return read_picture(name); });
    try {
      const std::vector<fs::path> files = pictures_below(name);
      if (files.empty()) fail(name + ": no PNG or JPEG there");
      for (const fs::path& file : files) add(file.string(), [&] { return read_picture(file); });
    } catch (const DataError& e) {
      fail(e.what());
    }
  }

  PictureList finish() {
    const auto n = static_cast<int64_t>(list_.names.size());
    list_.images = Tensor::from(std::span<const uint8_t>(pixels_), {n, side_, side_, 3});
    return std::move(list_);
  }

 private:
  void fail(const std::string& reason) {
    ++list_.unread;
    complain_(reason);
  }

  int side_;
  const std::function<void(const std::string&)>& complain_;
  PictureList list_;
  std::vector<uint8_t> pixels_;
};

}  // namespace

PictureList read_pictures(const std::vector<std::string>& words, int side,
                          const std::function<std::vector<std::byte>()>& input,
                          const std::function<void(const std::string&)>& complain) {
  Reader reader(side, complain);
  for (const std::string& word : words) {
    if (word != "-") {
      reader.add_named(word);
      continue;
    }
    const std::vector<std::byte> bytes = input();
    std::string_view lines(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (begins_as_picture(bytes)) {
      reader.add("-", [&] { return decode_picture(bytes, "stdin"); });
      continue;
    }
    while (!lines.empty()) {
      const std::string_view line = lines.substr(0, lines.find('\n'));
      if (!line.empty()) reader.add_named(std::string(line));
      lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    }
  }
  return reader.finish();
}

}  // namespace gradus::ssgan
