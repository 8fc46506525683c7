#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/tape.h"

namespace gradus::ssgan {

/// Something whose gradients can be checked against differences.
struct GradCase {
  std::string name;
  std::vector<std::string> input_names;
  std::vector<Tensor> inputs;  ///< f64
  std::function<Var(const std::vector<Var>&)> f;
  int64_t coordinates = 0;  ///< of each input that are tried; 0: all
};

/// Operations, layers, and the tutorial's losses as functions of all parameters of two small
/// networks. Inputs are random, the same at each call.
std::vector<GradCase> grad_cases();

/// The case with a backward rule that forgets the first half of its result: what a wrong rule
/// looks like.
GradCase broken(GradCase c);

/// A difference quotient with the step h at one coordinate.
struct Quotient {
  double h;
  double differences;  ///< (f(x + h) - f(x - h)) / 2h
  double error;        ///< of it, against the tape
};
/// At the coordinate of the case's first input that has the largest gradient; of the result's sum
/// with weights, or of the result where it is one number.
struct StepSizes {
  int64_t coordinate = 0;  ///< flat
  double by_tape = 0;
  std::vector<Quotient> quotients;
};
StepSizes vary_step(const GradCase& c, const std::vector<double>& steps);

}  // namespace gradus::ssgan
