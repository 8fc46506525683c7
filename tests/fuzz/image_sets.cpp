#include "nn/data/idx.h"
#include "nn/data/mnist.h"
#include "nn/data/svhn.h"
#include "tests/fuzz/fuzz.h"

// SVHN's files, and MNIST's: a pair of images and labels, each plain or packed by gzip.

using namespace gradus;
using namespace gradus::fuzz;

namespace {

void check(const ImageSet& set, int32_t least, int32_t most) {
  must(set.images.shape()[0] == set.count() && set.count() > 0, "a label for each image");
  for (const int32_t label : set.labels.span<int32_t>())
    must(label >= least && label <= most, "labels are classes");
}

void run_svhn(std::string_view input) {
  put("train_32x32.mat", input);
  may_refuse_file([&] { check(load_svhn(scratch().path(), SvhnSplit::train), 1, 10); });
}

void run_idx(std::string_view input) {
  const auto p = parts(input, 2);
  const auto images = put("train-images-idx3-ubyte", p[0]);
  const auto labels = put("train-labels-idx1-ubyte", p[1]);
  may_refuse_file([&] { (void)read_idx(images, 3); });
  may_refuse_file([&] { (void)read_idx(labels, 1); });
  may_refuse_file(
      [&] { check(load_mnist(scratch().path(), MnistKind::digits, Split::train), 0, 9); });
}

const Harness svhn("svhn", run_svhn), idx("idx", run_idx);

}  // namespace
