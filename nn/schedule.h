#pragma once

#include <cstdint>
#include <string>

namespace gradus {

/// A learning rate for each step of a run, stated against the run's total.
struct Schedule {
  enum class Kind {
    constant,
    exponential,  ///< start * final^(step / total)
    linear,       ///< flat until `flat` of the run, then straight to final * start at its end
    cosine,       ///< from start to final * start along half a cosine (Loshchilov & Hutter 2017)
    staircase,    ///< start * final^floor(step / every): the tutorial's 0.9 an epoch
  } kind = Kind::constant;
  double start = 3e-4;  ///< the rate of the first step
  double final = 1;     ///< a factor of start
  double flat = 0;      ///< linear: the part of the run, in [0, 1), unchecked
  int64_t every = 1;    ///< staircase: steps; less than 1 counts as 1

  /// The rate of step `step` (0 is the first) of `total`. Beyond the total it stays as at the end,
  /// but on the staircase.
  double at(int64_t step, int64_t total) const;
};

/// "constant".
std::string to_string(Schedule::Kind kind);
/// Throws Error that lists the names for another one.
Schedule::Kind schedule_kind(const std::string& name);

}  // namespace gradus
