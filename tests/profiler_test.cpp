#include "tensor/profiler.h"

#include "autograd/ops.h"
#include "tests/catch.h"
#include "tests/values.h"

using namespace gradus;

TEST_CASE("profiler: counts a kernel's calls by its shapes while it lives", "[profiler]") {
  const Tensor x = random_tensor({2, 3}, DType::f32, 1);
  Tensor kept;
  {
    Profiler profiler;
    CHECK(same_bits(exp(exp(x)).value(), exp(exp(x)).value()));
    kept = exp(random_tensor({5}, DType::f32, 1)).value();
    int64_t seen = 0;
    for (const auto& [kernel, calls, ms, best_ms] : profiler.rows()) {
      CHECK(ms * 1.000001 >= best_ms * static_cast<double>(calls));
      if (kernel == "unary exp [2, 3]") seen = calls;
    }
    CHECK(seen == 4);
    profiler.reset();
    CHECK(profiler.rows().empty());
  }
  CHECK(same_bits(kept, exp(random_tensor({5}, DType::f32, 1)).value()));
}

TEST_CASE("profiler: a longer time stands above a shorter one", "[profiler]") {
  Profiler profiler;
  for (const int64_t n : {1, 1 << 20, 1000}) static_cast<void>(exp(Tensor::zeros({n}, DType::f32)));
  const std::vector<Profiler::Row> rows = profiler.rows();
  REQUIRE(rows.size() >= 6);
  for (size_t i = 1; i < rows.size(); ++i) CHECK(rows[i - 1].ms >= rows[i].ms);
}
