#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "autograd/elementwise.h"
#include "autograd/reduce.h"
#include "tensor/backend.h"

namespace gradus {
namespace {

std::string coordinate(const Shape& shape, int64_t index) {
  std::vector<int64_t> at(shape.rank());
  for (int i = shape.rank() - 1; i >= 0; --i) {
    at[i] = index % shape[i];
    index /= shape[i];
  }
  return to_string(Shape(at));
}

std::vector<int64_t> choose(int64_t count, int64_t wanted, const Draw& draw) {
  std::vector<int64_t> all(count);
  std::iota(all.begin(), all.end(), 0);
  if (wanted <= 0 || wanted >= count) return all;
  Tensor u({wanted}, DType::f64);
  backend(kCpu).fill_uniform(draw, 0, 1, u);
  const auto uniforms = u.span<double>();
  for (int64_t i = 0; i < wanted; ++i)
    std::swap(all[i], all[i + static_cast<int64_t>(uniforms[i] * double(count - i))]);
  all.resize(wanted);
  return all;
}

}  // namespace

GradcheckResult gradcheck(const std::function<Var(const std::vector<Var>&)>& f,
                          const std::vector<Tensor>& inputs, const GradcheckOptions& o) {
  for (const Tensor& x : inputs)
    require<TypeError>(x.dtype() == DType::f64, "gradcheck: inputs must be f64, got {}",
                       name(x.dtype()));
  Random random(o.seed, Stream::check);
  const Draw weights_draw = random.next();
  const auto project = [&](const Var& y) {
    Tensor weights(y.shape(), DType::f64, y.device());
    backend(weights).fill_uniform(weights_draw, 0.5, 1.5, weights);
    return sum(y * weights);
  };

  const auto tape = Tape::make();
  std::vector<Var> watched;
  for (const Tensor& x : inputs) watched.push_back(tape->watch(x.clone()));
  const Var loss = project(f(watched));
  const std::vector<Tensor> gradients = tape->gradients(loss, watched);
  const double center = loss.value().item();

  std::vector<Tensor> moved;
  for (const Tensor& x : inputs) moved.push_back(x.to(kCpu).clone());
  const auto value = [&] {
    std::vector<Var> constants;
    for (size_t i = 0; i < inputs.size(); ++i) constants.push_back(moved[i].to(inputs[i].device()));
    return project(f(constants)).value().item();
  };

  GradcheckResult result;
  for (size_t k = 0; k < inputs.size(); ++k) {
    const std::vector<double> exact = gradients[k].to_vector<double>();
    double scale = o.floor;
    for (const double g : exact) scale = std::max(scale, std::abs(g));
    for (const int64_t i : choose(moved[k].count(), o.coordinates, random.next())) {
      const double keep = moved[k].span<double>()[i];
      const auto set = [&](double x) { moved[k].mutable_span<double>()[i] = x; };
      const auto at = [&](double offset) {
        set(keep + offset);
        const double v = value();
        set(keep);
        return v;
      };
      const double h = o.step, up = at(h), down = at(-h);
      const double numeric = (up - down) / (2 * h);
      // Of a smooth f, right - left is about h * f'' and halves with h; at a kink it does not.
      const double bend = std::abs(up + down - 2 * center) / h;
      const double noise = 1e-14 * std::abs(center) / h;
      if (bend > std::max(o.tolerance * scale, noise)) {
        const double half_up = at(h / 2), half_down = at(-h / 2);
        const double half_bend = std::abs(half_up + half_down - 2 * center) / (h / 2);
        // A kink h / 3 away halves too, but makes f lopsided, which at this scale no smooth f is.
        const double skew = std::abs(up - down - 2 * (half_up - half_down)) / h;
        if (half_bend > 0.75 * bend || half_bend < 0.25 * bend || skew > 0.2 * bend) {
          ++result.kinks;
          continue;
        }
      }
      ++result.checked;
      double error = std::abs(numeric - exact[i]) / scale;
      // A disagreement of no more than the roundings of f says nothing at this step: with a wider
      // one roundings weigh less, a wrong gradient as much as before.
      const double roundings = 64 * std::numeric_limits<double>::epsilon() * std::abs(center);
      if (2 * h * std::abs(numeric - exact[i]) <= roundings)
        for (double wide = 8 * h; error > o.tolerance && wide <= 64 * h; wide *= 8)
          error = std::min(error, std::abs((at(wide) - at(-wide)) / (2 * wide) - exact[i]) / scale);
      // A gradient that is not a number is the worst, and stays it.
      if (result.worst.empty() ||
          (!(error <= result.worst_error) && !std::isnan(result.worst_error))) {
        result.worst_error = error;
        result.worst = fmt::format("input {} at {}: the tape says {:.9g}, differences say {:.9g}",
                                   k, coordinate(inputs[k].shape(), i), exact[i], numeric);
      }
    }
  }
  result.ok = result.worst_error <= o.tolerance && result.checked > 0;
  return result;
}

}  // namespace gradus
