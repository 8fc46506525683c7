#include "autograd/matmul.h"

#include <array>

#include "autograd/checks.h"
#include "autograd/fusion.h"
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
  read_values(std::array{a, b});
  backend(c).matmul(ta, tb, a.value(), b.value(), c);
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
