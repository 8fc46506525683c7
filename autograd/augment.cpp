#include "autograd/augment.h"

#include <cmath>

#include "autograd/checks.h"
#include "autograd/over_ranks.h"
#include "autograd/result.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

void check(const Augmentation& a) {
  const std::pair<const char*, double> amounts[] = {
      {"rotation", a.rotation}, {"scale", a.scale},
      {"shear", a.shear},       {"shift", a.shift},
      {"crop", a.crop},         {"gain", a.gain},
      {"bias", a.bias},         {"channel_gain", a.channel_gain},
      {"noise", a.noise},       {"channel_bias", a.channel_bias},
      {"cutout", a.cutout}};
  for (const auto& [name, value] : amounts)
    require<Error>(value >= 0 && std::isfinite(value),
                   "augment: {} must be a number of 0 or more, got {}", name, value);
  const std::pair<const char*, double> parts[] = {{"grey", a.grey}, {"invert", a.invert}};
  for (const auto& [name, value] : parts)
    require<Error>(value >= 0 && value <= 1, "augment: {} must lie in [0, 1], got {}", name, value);
}

}  // namespace

Var augment(const Var& x, const Augmentation& a, const Draw& draw) {
  return augment(x, a, draw, 0);
}

Var augment(const Var& x, const Augmentation& a, const Draw& draw, int64_t before) {
  require_float("augment", x);
  require_rank("augment", "x", x.shape(), 4, "[N, H, W, C]");
  check(a);
  require_on("augment", draw, x.device());
  if (a == Augmentation{} || x.shape().count() == 0) return x;
  Tensor rows = result("augment", {x.shape()[0], augment_width(x.shape()[3])}, x);
  Tensor y = result("augment", x.shape(), x);
  const int64_t channels = x.shape()[3], elements = x.shape().count() / x.shape()[0];
  require<Error>(a.noise == 0 || before * elements % 4 == 0,
                 "augment: with noise, images of a batch in parts need a multiple of 4 elements, "
                 "not {}",
                 elements);
  backend(y).draw_augmentation(
      a,
      starting_at(draw, augment_block(before, channels) - augment_block(0, channels), x.device()),
      x.shape(), rows);
  backend(y).augment(a, starting_at(draw, before * elements / 4, x.device()), rows, x.value(), y);
  const Saved kept = a.clamp ? Saved("the output", y) : Saved();
  return Tape::record("augment", {x}, y, [a, rows, kept](const Tensor& dy, GradSink& grads) {
    Tensor dx = dy.like();
    backend(dy).augment_backward(a, rows, grads.read(kept), dy, dx);
    grads.add(0, dx);
  });
}

Augmentation augmentation(const std::string& names) {
  Augmentation a;
  size_t begin = 0;
  do {
    const size_t end = std::min(names.find(',', begin), names.size());
    const std::string name = names.substr(begin, end - begin);
    const auto is = [&](const char* part) { return name == part; };
    const bool strong = is("strong");
    require<Error>(strong || is("none") || is("shift") || is("affine") || is("colour") ||
                       is("invert") || is("noise") || is("cutout") || is("flip"),
                   "augmentation {}: expected none, shift, affine, colour, invert, noise, cutout, "
                   "flip, strong, or several with commas",
                   names);
    if (is("shift")) a.crop = 2;
    if (is("flip")) a.flip_horizontal = true;
    if (strong || is("affine")) {
      a.rotation = 15;
      a.scale = a.shear = 0.2;
      a.shift = 3;
    }
    if (strong || is("colour")) {
      a.grey = a.bias = 0.3;
      a.gain = 0.5;
      a.channel_gain = 0.25;
      a.channel_bias = 0.15;
      a.clamp = true;
    }
    if (strong || is("invert")) a.invert = 0.5;
    if (strong || is("noise")) a.noise = 0.05;
    if (strong || is("cutout")) a.cutout = 12;
    begin = end + 1;
  } while (begin <= names.size());
  return a;
}

}  // namespace gradus
