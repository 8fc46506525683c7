#pragma once

#include "nn/data/png.h"
#include "tests/temp_dir.h"

namespace gradus {

/// A picture of one colour.
inline Picture plain(int width, int height, uint8_t r, uint8_t g, uint8_t b) {
  Picture p{width, height, {}};
  for (int i = 0; i < width * height; ++i)
    for (const uint8_t v : {r, g, b}) p.rgb.push_back(v);
  return p;
}

/// A folder of three classes that --data-dir can name.
class SmallFolder {
 public:
  SmallFolder() {
    const char* names[] = {"cat", "dog", "emu"};
    for (int c = 0; c < 3; ++c)
      for (const auto& [part, count] : {std::pair{"train", 12}, {"test", 6}})
        for (int n = 0; n < count; ++n)
          put(fmt::format("{}/{}/{}.png", part, names[c], n),
              plain(32, 32, uint8_t(80 * c), uint8_t(10 * n), 99));
  }
  void put(const std::string& name, const Picture& picture) const {
    std::filesystem::create_directories((dir_ / name).parent_path());
    write_png(dir_ / name, picture);
  }
  const TempDir& dir() const { return dir_; }
  const std::filesystem::path& path() const { return dir_.path(); }

 private:
  TempDir dir_;
};

}  // namespace gradus
