#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/tape.h"

namespace gradus {

struct GradcheckOptions {
  double step = 1e-5;       ///< h of the central difference (f(x + h) - f(x - h)) / 2h
  double tolerance = 1e-6;  ///< largest error, relative to the input's largest gradient
  double floor = 1e-4;      ///< the least that an error is held relative to
  int64_t coordinates = 0;  ///< how many of each input are tried, at random; 0: all
  uint64_t seed = 1;        ///< of the projection and of the choice of coordinates
};

struct [[nodiscard]] GradcheckResult {
  bool ok = true;          ///< no error above the tolerance, and something was compared
  double worst_error = 0;  ///< relative, as above
  std::string worst;       ///< "input 1 at [2, 0]: the tape says 0.31, differences say 0.3"
  int64_t checked = 0;     ///< coordinates compared
  int64_t kinks = 0;       ///< coordinates left out since f is not smooth within h of them
};

/// Compares the tape's gradients of f with central differences in f64. f's output may have any
/// shape: what is differentiated is its sum weighted by random numbers, so one pass checks them
/// all. A coordinate where the left and right differences disagree by more than a smooth f allows
/// stands at a kink and is counted, not compared. `inputs` are f64, and unchanged afterwards; f
/// must be a pure function of them. Throws TypeError for other dtypes, and what f throws.
GradcheckResult gradcheck(const std::function<Var(const std::vector<Var>&)>& f,
                          const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

}  // namespace gradus
