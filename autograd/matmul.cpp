#include "autograd/matmul.h"

#include <array>

#include "autograd/checks.h"
#include "autograd/fusion.h"
#include "autograd/permute.h"
#include "autograd/result.h"
#include "autograd/shaping.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

Shape leading(const Shape& s) { return Shape(s.extents().first(s.rank() - 2)); }

/// `lead` followed by s's matrix.
Shape batch_of(const Shape& lead, const Shape& s) {
  std::vector<int64_t> extents(lead.extents().begin(), lead.extents().end());
  extents.insert(extents.end(), s.extents().end() - 2, s.extents().end());
  return Shape(extents);
}

/// As the kernel reads it: [B, ...], or [1, ...] where one matrix serves all of `lead`.
Tensor as_batch(const Tensor& x, const Shape& lead) {
  const Shape matrix = batch_of({1}, x.shape());
  if (x.count() == matrix.count()) return x.reshape(matrix);
  return broadcast_to(x, batch_of(lead, x.shape()))
      .value()
      .reshape(batch_of({lead.count()}, matrix));
}

Tensor product(const Tensor& a, const Tensor& b, Transpose transpose, const Shape& lead,
               const Shape& shape) {
  const auto [ta, tb] = transpose;
  Tensor c = result("matmul", shape, a);
  if (lead.rank() == 0) {
    backend(c).matmul(ta, tb, a, b, c);
  } else {
    Tensor batch = c.reshape(batch_of({lead.count()}, shape));
    backend(c).matmul(ta, tb, as_batch(a, lead), as_batch(b, lead), batch);
  }
  return c;
}

}  // namespace

Var matmul(const Var& a, const Var& b, Transpose transpose) {
  const bool ta = transpose.a, tb = transpose.b;
  require_alike("matmul", a, b);
  require<ShapeError>(a.shape().rank() >= 2, "matmul: a must be a matrix, got {}", a.shape());
  require<ShapeError>(b.shape().rank() >= 2, "matmul: b must be a matrix, got {}", b.shape());
  const int64_t m = a.shape()[ta ? -1 : -2], k = a.shape()[ta ? -2 : -1],
                n = b.shape()[tb ? -2 : -1], of_b = b.shape()[tb ? -1 : -2];
  require<ShapeError>(of_b == k, "matmul: {}{} times {}{}: inner extents {} and {} differ",
                      a.shape(), ta ? " transposed" : "", b.shape(), tb ? " transposed" : "", k,
                      of_b);
  const Shape lead = broadcast_shape("matmul", leading(a.shape()), leading(b.shape()));
  if (b.shape().rank() == 2 && lead.rank() > 0 && !ta) {  // one product of all rows
    const Composite name("matmul");
    return reshape(matmul(reshape(a, {lead.count() * m, k}), b, transpose),
                   batch_of(lead, Shape{m, n}));
  }
  read_values(std::array{a, b});
  const Tensor c = product(a.value(), b.value(), transpose, lead, batch_of(lead, Shape{m, n}));
  return Tape::record(
      "matmul", {a, b}, c,
      [ta, tb, a = Saved("a", a.value()), b = Saved("b", b.value())](const Tensor& dc,
                                                                     GradSink& grads) {
        if (grads.wants(0)) {
          const Var kept = grads.read(b);
          grads.add(0, ta ? matmul(kept, dc, {tb, true}) : matmul(dc, kept, {false, !tb}));
        }
        if (grads.wants(1)) {
          const Var kept = grads.read(a);
          grads.add(1, tb ? matmul(dc, kept, {true, ta}) : matmul(kept, dc, {!ta, false}));
        }
      });
}

}  // namespace gradus
