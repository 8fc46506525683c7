#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "nn/data/image_set.h"
#include "nn/data/split.h"

namespace gradus {

/// The classes of a folder of images: the names of the folders in `dir`/train, sorted by their
/// bytes. Throws DataError where there are not 2 to 1,000, or where `dir`/train holds anything
/// else but hidden files: names that begin with a dot, Thumbs.db, desktop.ini, __MACOSX.
std::vector<std::string> class_folders(const std::filesystem::path& dir);

/// Reads `dir`/train/CLASS/NAME.png or `dir`/test/CLASS/NAME.png; NAME.jpg and NAME.jpeg as well,
/// in any case. Both have the same CLASS folders, each with one image or more and nothing else but
/// hidden files. Of an image the
/// square in its middle counts, made 32x32: each new pixel is the mean over the area that it covers
/// of the old ones. The order mixes the classes and depends on the files' names alone: images
/// u8 [N, 32, 32, 3], labels i32 [N]. Throws DataError that names the file or folder where that is
/// not so, or an image cannot be read.
ImageSet load_image_folder(const std::filesystem::path& dir, Split split);

/// All files .png, .jpg and .jpeg, in any case, in `folder` and the folders below it, sorted within
/// each, without hidden ones. Links to folders are not followed. Throws DataError that names a
/// folder which cannot be read.
std::vector<std::filesystem::path> pictures_below(const std::filesystem::path& folder);

}  // namespace gradus
