#pragma once

#include <string>

#include "autograd/tape.h"
#include "tensor/augment.h"
#include "tensor/random.h"

namespace gradus {

/// Images x [N, H, W, C] changed at random, each in its own way, as tensor/augment.h says ->
/// [N, H, W, C]. How follows from `draw` alone, which draws on the device: in a recording each run
/// has a step of its own. Differentiable in x; where a result was held at -1 or 1 the derivative is
/// 0. x itself where nothing changes. Throws Error where x is undefined, a part of `a` is negative,
/// not finite, or as a probability above 1, TypeError unless x is f32 or f64, ShapeError where it
/// is no [N, H, W, C].
Var augment(const Var& x, const Augmentation& a, const Draw& draw);

/// The parts that `names`, a list with commas, asks for, at the strength that suits photographs of
/// digits, 32 pixels high, in [-1, 1]:
///   none    nothing
///   shift   whole pixels, up to 2 along each axis
///   affine  turned by up to 15 degrees, each axis by exp(+-.2), sheared by .2, shifted by up to 3
///   colour  grey in part (probability .3), contrast exp(+-.5), in each channel exp(+-.25),
///           brightness +-.3, in each channel +-.15; held in [-1, 1]
///   invert  negatives (probability .5)
///   noise   of amplitude up to .05
///   cutout  a square of side 1 to 12 becomes 0 (DeVries & Taylor 2017)
///   flip    left and right are swapped (probability .5)
///   strong  affine, colour, invert, noise and cutout
/// Throws Error that lists the names for another one.
Augmentation augmentation(const std::string& names);

}  // namespace gradus
