#include "tensor/cpu/parallel.h"

#include <stdexcept>
#include <vector>

#include "tests/catch.h"
#include "tests/message_of.h"

using namespace gradus;

TEST_CASE("parallel_for: every index once, for any number of parts") {
  for (const int64_t n : {0, 1, 2, 3, 1000}) {
    std::vector<int> seen(static_cast<size_t>(n), 0);
    cpu::parallel_for(n, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
    });
    CHECK(std::ranges::count(seen, 1) == n);
  }
}

TEST_CASE("parallel_for: an error in a part reaches the caller, and the others end") {
  const int before = omp_get_max_threads();
  omp_set_num_threads(2);
  for (const int64_t bad : {0, 1}) {
    std::vector<int> seen(2, 0);
    const auto run = [&] {
      cpu::parallel_for(2, 1, [&](int64_t begin, int64_t) {
        if (begin == bad) throw std::runtime_error("this part");
        seen[static_cast<size_t>(begin)] = 1;
      });
    };
    CHECK(message_of<std::runtime_error>(run) == "this part");
    CHECK(seen[static_cast<size_t>(1 - bad)] == 1);
  }
  omp_set_num_threads(before);
}
