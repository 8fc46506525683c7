#include "nn/data/mat.h"

#include "tests/fuzz/fuzz.h"

// Every array, as doubles or, every other one of bytes, as bytes; a part at a time.

using namespace gradus;
using namespace gradus::fuzz;

namespace {

template <class T>
void read_values(MatReader& reader, int64_t count) {
  std::vector<T> part(1000);
  for (int64_t n; count > 0; count -= n) {
    n = std::min<int64_t>(count, static_cast<int64_t>(part.size()));
    reader.read(std::span(part).first(static_cast<size_t>(n)));
  }
}

void run(std::string_view input) {
  may_refuse_file([&] {
    MatReader reader(put("a.mat", input));
    int number = 0;
    while (const auto array = reader.next()) {
      (void)array->describe();
      if (array->complex) continue;
      if (array->stored_as_bytes && ++number % 2)
        read_values<uint8_t>(reader, array->count());
      else
        read_values<double>(reader, array->count());
    }
  });
}

const Harness harness("mat", run);

}  // namespace
