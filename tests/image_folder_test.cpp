#include "nn/data/image_folder.h"

#include <algorithm>
#include <set>

#include "tensor/error.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/small_folder.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

/// The image that `picture` becomes, [32, 32, 3].
std::vector<uint8_t> shrunk(const Picture& picture) {
  const SmallFolder data;
  fs::remove_all(data.path() / "test");
  for (const char* c : {"cat", "dog", "emu"})
    data.put(std::string("test/") + c + "/a.png", picture);
  const Tensor all = load_image_folder(data.path(), Split::test).images;
  const auto bytes = all.span<uint8_t>();
  return {bytes.begin(), bytes.begin() + 3072};
}

}  // namespace

TEST_CASE("image folder: classes are folders, images come mixed") {
  const SmallFolder data;
  CHECK(class_folders(data.path()) == std::vector<std::string>{"cat", "dog", "emu"});
  const ImageSet set = load_image_folder(data.path(), Split::train);
  CHECK(set.count() == 36);
  CHECK_THAT(set.protocol, ContainsSubstring("train, 36 images of 3 classes"));
  std::set<std::pair<int, int>> seen;
  for (int i = 0; i < 36; ++i) {
    const uint8_t* pixel = &set.images.span<uint8_t>()[i * 3072];
    CHECK(pixel[0] == 80 * set.labels.span<int32_t>()[i]);
    seen.emplace(pixel[0], pixel[1]);
  }
  CHECK(seen.size() == 36);
  const auto labels = set.labels.to_vector<int32_t>();
  CHECK(!std::ranges::is_sorted(labels));
  CHECK(labels == load_image_folder(data.path(), Split::train).labels.to_vector<int32_t>());
  CHECK(load_image_folder(data.path(), Split::test).count() == 18);
  data.dir().put("train/cat/.hidden", "x");
  data.dir().put("train/.hidden", "x");
  for (const char* name : {"Thumbs.db", "desktop.ini", "Desktop.ini", ".DS_Store", "._a.png"}) {
    data.dir().put(std::string("train/cat/") + name, "x");
    data.dir().put(std::string("train/") + name, "x");
  }
  fs::create_directory(data.path() / "train/__MACOSX");
  CHECK(load_image_folder(data.path(), Split::train).count() == 36);
}

TEST_CASE("image folder: a part of each class is the test set") {
  const SmallFolder data;
  const FolderOptions fifth{.test_fraction = 0.2};
  const auto refused = [&](const FolderOptions& options) {
    return message_of<DataError>([&] { return class_folders(data.path(), options); });
  };
  CHECK(refused(fifth) == (data.path() / "test").string() +
                              ": a test set is there; a test fraction (0.2) is for folders without "
                              "one");
  fs::remove_all(data.path() / "test");
  CHECK_THAT(refused({}),
             ContainsSubstring("test: no such folder; make one, or choose a test fraction (ssgan's "
                               "--test-fraction 0.2"));
  for (int n = 12; n < 22; ++n)
    data.put(fmt::format("train/emu/{}.png", n), plain(32, 32, 160, uint8_t(10 * n), 99));
  const auto pixels_of = [&](Split split, const FolderOptions& options) {
    const ImageSet set = load_image_folder(data.path(), split, options);
    std::set<std::pair<int, int>> pixels;
    for (int i = 0; i < set.count(); ++i) {
      const uint8_t* pixel = &set.images.span<uint8_t>()[i * 3072];
      CHECK(pixel[0] == 80 * set.labels.span<int32_t>()[i]);
      CHECK(pixels.emplace(pixel[0], pixel[1]).second);
    }
    return pixels;
  };
  const auto train = pixels_of(Split::train, fifth), test = pixels_of(Split::test, fifth);
  CHECK(test.size() == 2 + 2 + 4);
  CHECK(train.size() == 10 + 10 + 18);
  for (const auto& pixel : test) CHECK(!train.contains(pixel));
  CHECK(std::ranges::count(test, 160, [](const auto& pixel) { return pixel.first; }) == 4);

  // What is already for testing stays so where images come in, but for the last of them.
  data.put("train/cat/another.png", plain(32, 32, 0, 250, 99));
  const auto now = pixels_of(Split::test, fifth);
  size_t stay = 0;
  for (const auto& pixel : test) stay += now.contains(pixel);
  CHECK(stay + 1 >= test.size());
  fs::remove(data.path() / "train/cat/another.png");

  CHECK_THAT(load_image_folder(data.path(), Split::test, fifth).protocol,
             ContainsSubstring("train, 8 test images of 3 classes (test fraction 0.2)"));
  CHECK(pixels_of(Split::test, {.test_fraction = 0.001}).size() == 3);
  CHECK(pixels_of(Split::train, {.test_fraction = 0.9}).size() == 1 + 1 + 2);

  // Without train/, too, even where a class has that name.
  for (const char* c : {"cat", "dog", "emu"})
    fs::rename(data.path() / "train" / c, data.path() / c);
  fs::remove(data.path() / "train");
  CHECK(pixels_of(Split::test, fifth) == test);
  CHECK(pixels_of(Split::train, fifth) == train);
  CHECK_THAT(refused({}), ContainsSubstring("--test-fraction 0.2), as " + data.path().string() +
                                            "/CLASS/NAME.png"));
  data.put("train/1.png", plain(32, 32, 9, 9, 9));
  CHECK_THAT(
      message_of<DataError>([&] { return load_image_folder(data.path(), Split::test, fifth); }),
      ContainsSubstring("train/1.png: the only image of its class; it cannot be split"));
  data.put("train/2.png", plain(32, 32, 9, 9, 9));
  CHECK(load_image_folder(data.path(), Split::test, fifth).classes ==
        std::vector<std::string>{"cat", "dog", "emu", "train"});
}

TEST_CASE("image folder: images of 64 pixels") {
  const SmallFolder data;
  const ImageSet set = load_image_folder(data.path(), Split::test, {.side = 64});
  CHECK(set.images.shape() == Shape{18, 64, 64, 3});
  for (int i = 0; i < 18; ++i)
    CHECK(set.images.span<uint8_t>()[size_t(i) * 64 * 64 * 3 + 64 * 64 * 3 - 3] ==
          80 * set.labels.span<int32_t>()[i]);
}

TEST_CASE("image folder: names in any case, and what a file is by its content") {
  const SmallFolder data;
  const std::string png = text_of(data.path() / "train/cat/0.png");
  for (const char* name : {"a.PNG", "b.Png", "c.jpg", "d.JPG", "e.JPEG"})
    data.dir().put(std::string("train/cat/") + name, png);
  CHECK(load_image_folder(data.path(), Split::train).count() == 41);
}

TEST_CASE("image folder: the square in the middle, by the mean over each new pixel's area") {
  Picture same = plain(32, 32, 0, 0, 0);
  for (size_t i = 0; i < same.rgb.size(); ++i) same.rgb[i] = static_cast<uint8_t>(i * 7 % 251);
  CHECK(shrunk(same) == same.rgb);

  Picture wide = plain(66, 64, 9, 9, 9);  // the first and last column do not count
  for (int y = 0; y < 64; ++y)
    for (int x = 1; x < 65; ++x) wide.rgb[3 * (y * 66 + x)] = uint8_t((x - 1) % 2 + 2 * (y % 2));
  for (int y = 0; y < 64; ++y) wide.rgb[3 * 66 * y] = wide.rgb[3 * (66 * y + 65)] = 255;
  const auto half = shrunk(wide);
  for (int i = 0; i < 1024; ++i) {
    CHECK(half[3 * i] == 2);  // the mean of 0, 1, 2, 3, rounded
    CHECK(half[3 * i + 1] == 9);
  }

  Picture tall = plain(1, 5, 0, 0, 0);
  tall.rgb[6] = 77;
  const auto one = shrunk(tall);
  for (int i = 0; i < 1024; ++i) CHECK(one[3 * i] == 77);

  Picture split = plain(33, 33, 0, 0, 0);  // column x covers [x, x + 1) of 33, 1.03 a new pixel
  for (int y = 0; y < 33; ++y) split.rgb[3 * 33 * y] = 33;
  const auto columns = shrunk(split);
  for (int y = 0; y < 32; ++y) {
    CHECK(columns[3 * 32 * y] == 32);  // 33 * 32 / 33
    CHECK(columns[3 * (32 * y + 1)] == 0);
  }
}

TEST_CASE("image folder: whatever does not fit is named") {
  const SmallFolder data;
  const auto refused = [&](Split split = Split::train) {
    return message_of<DataError>([&] { return load_image_folder(data.path(), split); });
  };
  const auto at = [&](const std::string& name) { return (data.path() / name).string(); };
  CHECK_THAT(message_of<DataError>([] { return class_folders("/nowhere"); }),
             ContainsSubstring("/nowhere/train: no such folder; images are expected as "
                               "/nowhere/train/CLASS/NAME.png"));
  data.dir().put("train/readme.txt", "x");
  CHECK_THAT(refused(), ContainsSubstring(at("train/readme.txt") + ": not a folder"));
  fs::remove(at("train/readme.txt"));
  for (const char* name : {"train/cat/a.txt", "train/cat/a.gif", "train/cat/png"}) {
    data.dir().put(name, "x");
    CHECK(refused() == at(name) + ": only files .png, .jpg and .jpeg are read");
    fs::remove(at(name));
  }
  data.dir().put("train/cat/a.jpg", "GIF89a and so on");
  CHECK(refused() == at("train/cat/a.jpg") + ": no PNG, nor a JPEG, it looks like a GIF image");
  fs::remove(at("train/cat/a.jpg"));
  fs::create_directory(at("train/cat/a.png"));
  CHECK(refused() == at("train/cat/a.png") + ": cannot be read: it is a folder");
  fs::remove(at("train/cat/a.png"));
  data.dir().put("train/cat/a.png", "x");
  CHECK_THAT(refused(), ContainsSubstring(at("train/cat/a.png") + ": no PNG"));
  fs::remove(at("train/cat/a.png"));

  fs::create_directory(at("test/fox"));
  CHECK_THAT(refused(Split::test), ContainsSubstring(at("test/fox") + ": no class of"));
  fs::remove(at("test/fox"));
  fs::remove_all(at("test/emu"));
  CHECK(refused(Split::test) ==
        at("test/emu") + ": no such folder, but " + at("train/emu") + " is");
  fs::create_directory(at("test/emu"));
  CHECK(refused(Split::test) == at("test/emu") + ": no image there");
  fs::remove_all(at("test"));
  CHECK_THAT(refused(), ContainsSubstring(at("test") + ": no such folder"));
  fs::create_directory(at("test"));
  fs::remove_all(at("train/cat"));
  fs::remove_all(at("train/dog"));
  CHECK(refused() == at("train") + ": 1 folders of classes; 2 to 1000 expected");
}
