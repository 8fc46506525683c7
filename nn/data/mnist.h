#pragma once

#include <filesystem>
#include <optional>

#include "nn/data/image_set.h"
#include "nn/data/split.h"

namespace gradus {

/// The two sets of 60,000 and 10,000 grey 28x28 images that share a format and file names: MNIST
/// (LeCun, Cortes and Burges 1998) and Fashion-MNIST (Xiao, Rasul and Vollgraf 2017).
enum class MnistKind { digits, fashion };

/// "mnist" or "fashion-mnist".
const char* name(MnistKind kind);
/// The names of the ten classes, by label.
std::vector<std::string> mnist_classes(MnistKind kind);

/// The folder of its files: `data_dir` where given, else the subfolder of that name in
/// data_folder(), else in /usr/share/datasets, where Debian's package dataset-fashion-mnist puts
/// them. Throws DataError where there is none.
std::filesystem::path find_mnist(MnistKind kind,
                                 const std::optional<std::filesystem::path>& data_dir);

/// Reads `dir`/train-images-idx3-ubyte and train-labels-idx1-ubyte, or t10k-..., each with .gz
/// behind its name or not. Images get a border of 2 black pixels and three equal channels; labels
/// are 0 to 9: images u8 [N, 32, 32, 3], labels i32 [N]. Any number of images from 1 on; files
/// whose MD5 is not the official ones' are taken, and `protocol` says so. Whatever else is wrong
/// throws DataError that names the file.
ImageSet load_mnist(const std::filesystem::path& dir, MnistKind kind, Split split);
/// The same with images as they are stored, u8 [N, 28, 28, 1].
ImageSet load_mnist_grey(const std::filesystem::path& dir, MnistKind kind, Split split);

}  // namespace gradus
