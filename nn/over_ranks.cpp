#include "autograd/over_ranks.h"

#include <algorithm>
#include <numeric>

#include "autograd/ops.h"
#include "nn/layers.h"

// What layers.h says of a batch that is split over ranks.

namespace gradus {
namespace {

int64_t elements_of_row(const Shape& s) {
  const auto extents = s.extents().subspan(1);
  return std::accumulate(extents.begin(), extents.end(), int64_t{1}, std::multiplies<>());
}

}  // namespace

BatchRows batch_rows(const Pass& pass, int64_t own) {
  if (!pass.ranks()) return {0, own};
  const std::vector<int64_t> rows = pass.ranks()->gather(own);
  const auto here = rows.begin() + pass.ranks()->rank();
  return {std::accumulate(rows.begin(), here, int64_t{0}),
          std::accumulate(rows.begin(), rows.end(), int64_t{0})};
}

Var dropout(const Pass& pass, const Var& x, double rate) {
  if (!pass.is_training() || rate == 0) return x;
  const int64_t before = batch_rows(pass, x.shape()[0]).before * elements_of_row(x.shape());
  return dropout(x, rate, pass.draw(), before);
}

Var augment(const Pass& pass, const Var& images, const Augmentation& a) {
  return augment(images, a, pass.draw(), batch_rows(pass, images.shape()[0]).before);
}

Var sum(const Pass& pass, const Var& x, const Axes& axes) {
  const Var own = sum(x, axes);
  return pass.ranks() ? sum_over_ranks(own, *pass.ranks()) : own;
}

Var mean(const Pass& pass, const Var& x, const Axes& axes) {
  if (!pass.ranks()) return mean(x, axes);
  const Var own = sum(x, axes);
  // How many elements each sum has goes along, in the same message.
  const int64_t each = own.shape().count();
  const int64_t of = each ? x.shape().count() / each : 0;
  const Var count = Tensor::full({1}, static_cast<double>(of), x.dtype(), x.device());
  const Var all = sum_over_ranks(concat({reshape(own, {each}), count}, 0), *pass.ranks());
  const Var total = maximum(slice(all, 0, each, each + 1).detach(), 1);
  return reshape(slice(all, 0, 0, each) / total, own.shape());
}

}  // namespace gradus
