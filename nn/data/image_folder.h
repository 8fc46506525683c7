#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "nn/data/image_set.h"
#include "nn/data/split.h"

namespace gradus {

/// How a folder of images is read.
struct FolderOptions {
  int side = 32;  ///< pixels each way that an image is made
  /// Above 0, below 1: there is no `dir`/test; this share of each class is the test set (at least
  /// one image, but not all), chosen by the MD5 of the files' names. The classes may then lie in
  /// `dir` itself.
  double test_fraction = 0;
};

/// The classes of a folder of images: the names of the folders in `dir`/train, sorted by their
/// bytes. Throws DataError where there are not 2 to 1,000, where `dir`/train holds anything else
/// but hidden files (names that begin with a dot, Thumbs.db, desktop.ini, __MACOSX), and where
/// `dir`/test is missing or, with options.test_fraction, is there.
std::vector<std::string> class_folders(const std::filesystem::path& dir,
                                       const FolderOptions& options = {});

/// Reads `dir`/train/CLASS/NAME.png or `dir`/test/CLASS/NAME.png; NAME.jpg and NAME.jpeg as well,
/// in any case. Both have the same CLASS folders, each with one image or more and nothing else but
/// hidden files. Images are fitted as fit_picture does. Their order mixes the classes and depends
/// on the files' names alone: images u8 [N, side, side, 3], labels i32 [N]. Throws DataError that
/// names the file or folder where that is not so, or an image cannot be read.
ImageSet load_image_folder(const std::filesystem::path& dir, Split split,
                           const FolderOptions& options = {});

/// All files .png, .jpg and .jpeg, in any case, in `folder` and the folders below it, sorted within
/// each, without hidden ones. Links to folders are not followed. Throws DataError that names a
/// folder which cannot be read.
std::vector<std::filesystem::path> pictures_below(const std::filesystem::path& folder);

}  // namespace gradus
