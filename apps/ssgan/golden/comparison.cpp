#include "apps/ssgan/golden/comparison.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "apps/ssgan/json.h"
#include "autograd/shaping.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

/// Whether a tensor of that name may have come with the shape `got` where `want` is kept: the same
/// but for a leading axis of images, or of steps. Those of parameters have no such axis.
bool fits(const std::string& name, const Shape& got, const Shape& want) {
  if (got == want) return true;
  const bool of_parameter =
      name.starts_with("updated.") || (name.starts_with("grad.") && name != "grad.fake");
  if (of_parameter || got.rank() != want.rank() || want.rank() == 0) return false;
  const bool of_steps = name.starts_with("loss.") || name == "correct" || name == "masked_correct";
  return got.with(0, 0) == want.with(0, 0) && got[0] > 0 && (of_steps || got[0] >= want[0]);
}

/// The first `count` rows, or all.
Tensor leading(const Tensor& t, int64_t count) {
  return t.shape().rank() == 0 || t.shape()[0] <= count ? t : slice(t, 0, 0, count).value();
}

double largest(const Tensor& t) {
  const Tensor values = t.to(DType::f64);
  double m = 0;
  for (const double v : values.span<double>()) m = std::max(m, std::abs(v));
  return m;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const Tensor x = a.to(DType::f64), y = b.to(DType::f64);
  double m = 0;
  for (int64_t i = 0; i < x.count(); ++i) {
    const double d = std::abs(x.span<double>()[i] - y.span<double>()[i]);
    if (std::isnan(d)) return d;
    m = std::max(m, d);
  }
  return m;
}

std::string network_of(const std::string& parameter) {
  return parameter.substr(0, parameter.find('.'));
}

}  // namespace

std::vector<Comparison> compare_with_case(const TensorFile& actual,
                                          const std::filesystem::path& case_dir) {
  const TensorFile expected = load_safetensors(case_dir / "expected.safetensors");
  for (const auto& [name, reason] : expected.unread) throw DataError(reason);
  require<DataError>(!expected.tensors.empty(), "{}: no tensors to compare with",
                     (case_dir / "expected.safetensors").string());
  const std::vector<std::byte> text = read_file(case_dir / "case.json");
  std::set<std::string> zero_gradient;
  try {
    const auto json = parse_json({reinterpret_cast<const char*>(text.data()), text.size()});
    json.at("zero_gradient").get_to(zero_gradient);
  } catch (const std::exception& e) {
    throw DataError(fmt::format("{}: {}", (case_dir / "case.json").string(), e.what()));
  }

  std::map<std::string, double> largest_gradient;
  for (const auto& [name, t] : expected.tensors)
    if (name.starts_with("grad.") && name != "grad.fake") {
      double& m = largest_gradient[network_of(name.substr(5))];
      m = std::max(m, largest(t));
    }

  std::vector<Comparison> all;
  for (const auto& [name, want] : expected.tensors) {
    Comparison& c = all.emplace_back();
    c.name = name;
    if (name.starts_with("updated.") && zero_gradient.contains(name.substr(8))) {
      c.skipped = true;
      continue;
    }
    const Tensor* const found = actual.find(name);
    if (!found) {
      c.problem = "missing";
      continue;
    }
    if (!fits(name, found->shape(), want.shape())) {
      c.problem = fmt::format("has shape {}, {} expected", found->shape(), want.shape());
      continue;
    }
    const Tensor got = want.shape().rank() ? leading(*found, want.shape()[0]) : *found;
    const Tensor part = want.shape().rank() ? leading(want, got.shape()[0]) : want;
    double scale = largest(part);
    if (name.starts_with("grad.") && zero_gradient.contains(name.substr(5)))
      scale = largest_gradient[network_of(name.substr(5))];
    c.error = largest_difference(got, part) / (scale > 0 ? scale : 1);
  }
  return all;
}

}  // namespace gradus::ssgan
