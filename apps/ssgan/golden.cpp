#include "apps/ssgan/golden.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/ssgan/data.h"
#include "apps/ssgan/step_dump.h"
#include "autograd/ops.h"
#include "tensor/backend.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

const Tensor& find(const TensorFile& file, const std::string& name, DType dtype, int rank) {
  const auto it = file.tensors.find(name);
  require<DataError>(it != file.tensors.end(), "batch: no tensor {}", name);
  require<DataError>(it->second.dtype() == dtype && it->second.shape().rank() == rank,
                     "batch: {} is {} {}; {} of rank {} expected", name,
                     gradus::name(it->second.dtype()), it->second.shape(), gradus::name(dtype),
                     rank);
  return it->second;
}

void require_shape(const char* name, const Tensor& t, const Shape& shape) {
  require<DataError>(t.shape() == shape, "batch: {} has shape {}, {} expected", name, t.shape(),
                     shape);
}

/// Row k of the leading axis, without it.
Tensor at(const Tensor& t, int64_t k) {
  const auto extents = t.shape().extents();
  return slice(t, 0, k, k + 1).value().reshape(Shape(extents.subspan(1)));
}

/// The steps' batches, from `x` and `y` or from an index into the training file.
class BatchSource {
 public:
  BatchSource(const StepRequest& r) : r_(r) {
    mask_ = find(r.batch, "label_mask", DType::i32, 2);
    z_ = find(r.batch, "z", DType::f32, 3);
    lr_ = find(r.batch, "lr", DType::f64, 1);
    if (r.batch.tensors.contains("index")) {
      index_ = find(r.batch, "index", DType::i32, 2);
      set_ = load_training_set(r.options);
    } else {
      x_ = find(r.batch, "x", DType::u8, 5);
      y_ = find(r.batch, "y", DType::i32, 2);
    }
    const int64_t k = lr_.count(), n = mask_.shape()[1];
    require_shape("label_mask", mask_, {k, n});
    require_shape("z", z_, {k, z_.shape()[1], kZSize});
    if (index_.defined()) {
      require_shape("index", index_, {k, n});
      return;
    }
    require_shape("x", x_, {k, n, 32, 32, 3});
    require_shape("y", y_, {k, n});
    for (const int32_t label : y_.span<int32_t>())
      require<DataError>(label >= 1 && label <= 10, "batch: label {} in y, not 1 to 10", label);
  }

  int64_t steps() const { return lr_.count(); }
  double lr(int64_t k) const { return lr_.span<double>()[k]; }
  Tensor z(int64_t k) const { return at(z_, k).to(r_.dtype).to(r_.device); }

  Batch batch(int64_t k) const {
    Batch b;
    Tensor images, labels;
    if (index_.defined()) {
      const Tensor rows = at(index_, k);
      for (const int32_t i : rows.span<int32_t>())
        require<DataError>(i >= 0 && i < set_.count(), "batch: index {} is outside [0, {})", i,
                           set_.count());
      images = gather_rows(set_.images, rows);
      labels = gather(set_.labels.to(DType::f32), rows).value().to(DType::i32);
    } else {
      images = at(x_, k);
      labels = at(y_, k);
    }
    b.images = scaled(images).to(r_.device);
    b.labels = labels.to(r_.device);
    b.label_mask = at(mask_, k).to(r_.dtype).to(r_.device);
    return b;
  }

 private:
  Tensor gather_rows(const Tensor& images, const Tensor& rows) const {
    Tensor out(images.shape().with(0, rows.count()), DType::f32);
    backend(kCpu).gather(images, rows, 1, 0, out);
    return out;
  }
  Tensor scaled(const Tensor& images) const {
    return (Var(images.to(DType::f64)) * (1 / 127.5) - 1).value().to(r_.dtype);
  }

  const StepRequest& r_;
  Tensor mask_, z_, lr_, index_, x_, y_;
  ImageSet set_;
};

}  // namespace

TensorFile run_steps(const StepRequest& r) {
  const BatchSource source(r);
  Trainer trainer(r.options, r.dtype, r.device);
  trainer.generator().load(r.weights.tensors, "generator.", false);
  trainer.discriminator().load(r.weights.tensors, "discriminator.", false);

  StepDump dump;
  const int64_t steps = r.max_steps ? std::min(r.max_steps, source.steps()) : source.steps();
  for (int64_t k = 0; k < steps; ++k)
    dump.add(trainer.step(source.batch(k), source.z(k), source.lr(k),
                          k == 0 ? dump.trace() : Trainer::Trace{}));
  return dump.finish(trainer);
}

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
  double m = 0;
  for (const double v : t.to(DType::f64).span<double>()) m = std::max(m, std::abs(v));
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
  const std::vector<std::byte> text = read_file(case_dir / "case.json");
  std::set<std::string> zero_gradient;
  try {
    const auto json =
        nlohmann::json::parse(reinterpret_cast<const char*>(text.data()),
                              reinterpret_cast<const char*>(text.data()) + text.size());
    json.at("zero_gradient").get_to(zero_gradient);
  } catch (const nlohmann::json::exception& e) {
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
    const auto it = actual.tensors.find(name);
    if (it == actual.tensors.end()) {
      c.problem = "missing";
      continue;
    }
    if (!fits(name, it->second.shape(), want.shape())) {
      c.problem = fmt::format("has shape {}, {} expected", it->second.shape(), want.shape());
      continue;
    }
    const Tensor got = want.shape().rank() ? leading(it->second, want.shape()[0]) : it->second;
    const Tensor part = want.shape().rank() ? leading(want, got.shape()[0]) : want;
    double scale = largest(part);
    if (name.starts_with("grad.") && zero_gradient.contains(name.substr(5)))
      scale = largest_gradient[network_of(name.substr(5))];
    c.error = largest_difference(got, part) / (scale > 0 ? scale : 1);
  }
  return all;
}

}  // namespace gradus::ssgan
