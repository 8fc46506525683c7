#include "autograd/matmul.h"

#include "autograd/checks.h"
#include "autograd/result.h"
#include "tensor/backend.h"

namespace gradus {

Var matmul(const Var& a, const Var& b, Transpose transpose) {
  const auto [ta, tb] = transpose;
  require_alike("matmul", a, b);
  require_rank("matmul", "a", a.shape(), 2, "a matrix");
  require_rank("matmul", "b", b.shape(), 2, "a matrix");
  const int64_t m = a.shape()[ta], k = a.shape()[!ta], n = b.shape()[!tb];
  require<ShapeError>(b.shape()[tb] == k, "matmul: {}{} times {}{}: inner extents {} and {} differ",
                      a.shape(), ta ? " transposed" : "", b.shape(), tb ? " transposed" : "", k,
                      b.shape()[tb]);
  Tensor c = result("matmul", {m, n}, a);
  backend(c).matmul(ta, tb, a.value(), b.value(), c);
  return Tape::record(
      "matmul", {a, b}, c,
      [ta, tb, a = a.value(), b = b.value()](const Tensor& dc, GradSink& grads) {
        if (grads.wants(0))
          grads.add(0, ta ? matmul(b, dc, {tb, true}) : matmul(dc, b, {false, !tb}));
        if (grads.wants(1))
          grads.add(1, tb ? matmul(dc, a, {true, ta}) : matmul(a, dc, {!ta, false}));
      });
}

}  // namespace gradus
