#pragma once

#include "apps/ssgan/options.h"
#include "nn/data/image_set.h"
#include "nn/data/split.h"

namespace gradus::ssgan {

/// What `--data` can name.
inline constexpr const char* kDataSets[] = {"digits", "svhn", "mnist", "fashion-mnist", "folder"};

/// The images that `options` name, with classes as labels. SVHN and the drawn digits store the
/// digit zero as 10, which options.zero_as::raw leaves. Of SVHN's official test file only the first
/// half counts under notebook_test_set. Throws DataError that names the file where images are
/// missing or damaged, or where the network has another number of classes or learned others.
ImageSet load_images(const Options& options, Split split);

/// Of all bytes of both sets and the names of their classes: "train 01234567, test 89abcdef", by
/// CRC-32C.
std::string data_checksum(const ImageSet& train, const ImageSet& test);

/// The first n images of the drawn data set, n from 0 on: u8 [n, 32, 32, 3], labels i32 [n].
ImageSet drawn_digits(int64_t n, Split split, ZeroAs zero_as);

/// Whether the data set stores the digit zero as 10.
bool has_raw_zeros(const Options& options);
/// By label and by class of a prediction: the names of the classes, or their numbers where they are
/// not known; then "generated" or, for zeros that stay raw, "10".
std::vector<std::string> class_labels(const Options& options);
/// "; digit 0 as class 0", for reports; empty where the data set has no such zeros.
std::string zero_protocol(const Options& options);
/// i32 [N] -> i32 [N], on the CPU: 10 becomes 0 unless zeros stay raw.
Tensor classes_of(const Tensor& labels, ZeroAs zero_as);

/// Sets the classes to the data set's, and the default preset's labels of the drawn digits, which
/// are more alike than photographs, to 10 a class. Throws DataError as class_folders.
void fit_to_data(Options& options);

}  // namespace gradus::ssgan
