#include "autograd/checks.h"

#include "tensor/backend.h"

namespace gradus {

void require_in_range(const char* operation, const char* what, const Tensor& index, int64_t rows,
                      std::optional<int32_t> allowed) {
  if (!backend(index).host_may_read()) return;
  for (const int32_t i : index.to_vector<int32_t>())
    require<ShapeError>((i >= 0 && i < rows) || i == allowed, "{}: {} {} is outside [0, {})",
                        operation, what, i, rows);
}

}  // namespace gradus
