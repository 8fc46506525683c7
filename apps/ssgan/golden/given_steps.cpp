#include "apps/ssgan/golden/given_steps.h"

#include <algorithm>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/golden/step_dump.h"
#include "autograd/shaping.h"

namespace gradus::ssgan {
namespace {

const Tensor& find(const TensorFile& file, const std::string& name, DType dtype, int rank) {
  const Tensor* const found = file.find(name);
  require<DataError>(found, "batch: no tensor {}", name);
  require<DataError>(found->dtype() == dtype && found->shape().rank() == rank,
                     "batch: {} is {} {}; {} of rank {} expected", name,
                     gradus::name(found->dtype()), found->shape(), gradus::name(dtype), rank);
  return *found;
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
  explicit BatchSource(const GivenSteps& r) : r_(r) {
    mask_ = find(r.batch, "label_mask", DType::i32, 2);
    z_ = find(r.batch, "z", DType::f32, 3);
    lr_ = find(r.batch, "lr", DType::f64, 1);
    if (r.batch.find("index")) {
      index_ = find(r.batch, "index", DType::i32, 2);
      set_ = load_images(r.options, Split::train);
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
    const int64_t side = r.options.network.image_size;
    require_shape("x", x_, {k, n, side, side, 3});
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
      images = gather_images(set_.images, rows, r_.dtype);
      labels = gather(set_.labels.to(DType::f32), rows).to(DType::i32);
    } else {
      images = scaled_images(at(x_, k), r_.dtype);
      labels = classes_of(at(y_, k), r_.options.zero_as);
    }
    b.images = images.to(r_.device);
    b.labels = labels.to(r_.device);
    b.label_mask = at(mask_, k).to(r_.dtype).to(r_.device);
    return b;
  }

 private:
  const GivenSteps& r_;
  Tensor mask_, z_, lr_, index_, x_, y_;
  ImageSet set_;
};

}  // namespace

TensorFile run_steps(const GivenSteps& given) {
  const BatchSource source(given);
  Trainer trainer(given.options, given.dtype, given.device, given.ranks);
  for (const auto& [name, reason] : given.weights.unread)
    if (name.starts_with("generator.") || name.starts_with("discriminator."))
      throw DataError(reason);
  trainer.begin_with(given.weights.tensors);

  StepDump dump;
  const int64_t steps =
      given.max_steps ? std::min(given.max_steps, source.steps()) : source.steps();
  for (int64_t k = 0; k < steps; ++k)
    dump.add(trainer.step(k, source.batch(k), source.z(k), source.lr(k),
                          k == 0 ? dump.trace(trainer) : Trainer::Trace{}));
  return dump.finish(trainer);
}

}  // namespace gradus::ssgan
