#pragma once

#include <string>
#include <vector>

#include "nn/pass.h"

namespace gradus::ssgan {

/// The tutorial's losses on points in the plane, where a person can see what they do.
struct ToyOptions {
  std::string shape = "moons";   ///< two half circles that reach into each other, or "rings"
  std::string g_loss = "match";  ///< feature matching, "fool" (the classic one), "both", "none"
  int64_t steps = 2000;
  int64_t labels = 3;  ///< a class
  int64_t frames = 40;
  uint64_t seed = 1;
  int extra_class = 0;              ///< 1: D has a logit of its own for generated points
  std::string class_loss = "real";  ///< over the "real" classes, or "all", that logit included
};

constexpr int kToyGrid = 48;     ///< places each way at which a frame tells what D says
constexpr double kToyRange = 2;  ///< the plane is shown from -2 to 2
constexpr int64_t kToyClasses = 2;

struct ToyFrame {
  int64_t step;  ///< taken so far
  /// D at the middles of the grid's squares, row by row from the top: P(class 1 | real), P(real).
  std::vector<double> class_1, real;
  std::vector<double> made;  ///< generated points, x and y in turn
  /// Where each loss of the generator moves each of them: its negative gradient, x and y in turn.
  std::vector<double> match, fool;
  double d_real, d_fake, d_class, g;  ///< NaN without a generator
  double accuracy;                    ///< on 2,000 points that training has not seen
  double accuracy_of_all;             ///< the same if "generated" is an answer, too
};

struct Toy {
  std::vector<double> unlabelled, labelled;  ///< points, x and y in turn
  std::vector<int> classes;                  ///< of the labelled ones
  std::vector<ToyFrame> frames;
};

/// Trains a discriminator of two hidden layers of 64, the second of which is `features`, and a
/// generator of the same size, in f32 on the CPU. Throws NotFinite where a loss is not.
Toy train_toy(const ToyOptions& options);

/// A page with a slider over the frames that needs nothing else.
std::string toy_page(const Toy& toy, const ToyOptions& options);

}  // namespace gradus::ssgan
