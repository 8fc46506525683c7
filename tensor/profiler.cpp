#include "tensor/profiler.h"

#include <algorithm>
#include <chrono>

namespace gradus {

Profiler::Profiler() : inner_(backend(kCpu)) { substitute_cpu_backend(this); }
Profiler::~Profiler() { substitute_cpu_backend(nullptr); }

std::vector<Profiler::Row> Profiler::rows() const {
  std::vector<Row> rows;
  for (const auto& [kernel, time] : times_)
    rows.push_back({kernel, time.calls, time.ms, time.best_ms});
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.ms > b.ms; });
  return rows;
}

template <class Work>
void Profiler::time(const char* kernel, std::initializer_list<Shape> shapes, const Work& work) {
  std::string name = kernel;
  for (const Shape& s : shapes) name += " " + to_string(s);
  const auto start = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  Time& time = times_[name];
  ++time.calls;
  time.ms += took.count();
  time.best_ms = std::min(time.best_ms, took.count());
}
void Profiler::copy_from_host(const void* host, void* device, size_t bytes) {
  time("copy_from_host", {}, [&] { inner_.copy_from_host(host, device, bytes); });
}
void Profiler::copy_to_host(const void* device, void* host, size_t bytes) {
  time("copy_to_host", {}, [&] { inner_.copy_to_host(device, host, bytes); });
}
void Profiler::copy(const void* from, void* to, size_t bytes) {
  time("copy", {}, [&] { inner_.copy(from, to, bytes); });
}
void Profiler::fill(double value, Tensor& y) {
  time("fill", {y.shape()}, [&] { inner_.fill(value, y); });
}
void Profiler::cast(const Tensor& x, Tensor& y) {
  time("cast", {x.shape()}, [&] { inner_.cast(x, y); });
}
void Profiler::fill_uniform(const Draw& draw, double low, double high, Tensor& y) {
  time("fill_uniform", {y.shape()}, [&] { inner_.fill_uniform(draw, low, high, y); });
}
void Profiler::fill_normal(const Draw& draw, double mean, double stddev, Tensor& y) {
  time("fill_normal", {y.shape()}, [&] { inner_.fill_normal(draw, mean, stddev, y); });
}
void Profiler::unary(const UnaryFn& fn, const Tensor& x, Tensor& y) {
  time(std::visit([](auto f) { return f.kName; }, fn), {y.shape()},
       [&] { inner_.unary(fn, x, y); });
}
void Profiler::unary_backward(const UnaryFn& fn, const Tensor& x, const Tensor& y, const Tensor& dy,
                              Tensor& dx) {
  const std::string kernel =
      std::visit([](auto f) { return std::string(f.kName) + "_backward"; }, fn);
  time(kernel.c_str(), {dx.shape()}, [&] { inner_.unary_backward(fn, x, y, dy, dx); });
}
void Profiler::binary(const BinaryFn& fn, const Tensor& a, const Tensor& b, Tensor& y) {
  time("binary", {y.shape()}, [&] { inner_.binary(fn, a, b, y); });
}
void Profiler::reduce(Reduction op, const Tensor& x, Tensor& y) {
  time("reduce", {x.shape(), y.shape()}, [&] { inner_.reduce(op, x, y); });
}
void Profiler::softmax(Softmax kind, const Shape& rows, const Tensor& x, Tensor& y) {
  time("softmax", {x.shape(), rows}, [&] { inner_.softmax(kind, rows, x, y); });
}
void Profiler::top_k(const Tensor& x, Tensor& values, Tensor& index) {
  time("top_k", {x.shape()}, [&] { inner_.top_k(x, values, index); });
}
void Profiler::matmul(bool transpose_a, bool transpose_b, const Tensor& a, const Tensor& b,
                      Tensor& c) {
  time("matmul", {a.shape(), b.shape()}, [&] { inner_.matmul(transpose_a, transpose_b, a, b, c); });
}
void Profiler::conv(const ConvParams& p, const Tensor& x, const Tensor& w, const Epilogue& epilogue,
                    Tensor& y) {
  time("conv", {x.shape(), w.shape(), y.shape()}, [&] { inner_.conv(p, x, w, epilogue, y); });
}
void Profiler::conv_grad_input(const ConvParams& p, const Tensor& w, const Tensor& dy,
                               const Epilogue& epilogue, Tensor& dx) {
  time("conv_grad_input", {dy.shape(), w.shape(), dx.shape()},
       [&] { inner_.conv_grad_input(p, w, dy, epilogue, dx); });
}
void Profiler::conv_grad_weight(const ConvParams& p, const Tensor& x, const Tensor& dy,
                                Tensor& dw) {
  time("conv_grad_weight", {x.shape(), dy.shape(), dw.shape()},
       [&] { inner_.conv_grad_weight(p, x, dy, dw); });
}
void Profiler::epilogue_backward(const Activation& activation, const Tensor& y, const Tensor& dy,
                                 Tensor& dx, Tensor& dbias) {
  time("epilogue_backward", {y.shape()},
       [&] { inner_.epilogue_backward(activation, y, dy, dx, dbias); });
}
void Profiler::max_pool(const PoolParams& p, const Tensor& x, Tensor& y, Tensor& tap) {
  time("max_pool", {x.shape()}, [&] { inner_.max_pool(p, x, y, tap); });
}
void Profiler::max_pool_backward(const PoolParams& p, const Tensor& tap, const Tensor& dy,
                                 Tensor& dx) {
  time("max_pool_backward", {dx.shape()}, [&] { inner_.max_pool_backward(p, tap, dy, dx); });
}
void Profiler::moments(const Tensor& x, Tensor& mean, Tensor& variance) {
  time("moments", {x.shape()}, [&] { inner_.moments(x, mean, variance); });
}
void Profiler::normalize(const Normalization& n, const Activation& activation, const Tensor& x,
                         Tensor& y) {
  time("normalize", {x.shape()}, [&] { inner_.normalize(n, activation, x, y); });
}
void Profiler::normalize_backward(const Normalization& n, const Activation& activation,
                                  const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx,
                                  Tensor& dgamma, Tensor& dbeta) {
  time("normalize_backward", {x.shape()},
       [&] { inner_.normalize_backward(n, activation, x, y, dy, dx, dgamma, dbeta); });
}
void Profiler::softmax_cross_entropy(const Tensor& logits, const Tensor& labels, Tensor& loss,
                                     Tensor& totals) {
  time("softmax_cross_entropy", {logits.shape()},
       [&] { inner_.softmax_cross_entropy(logits, labels, loss, totals); });
}
void Profiler::softmax_cross_entropy_backward(const Tensor& logits, const Tensor& labels,
                                              const Tensor& totals, const Tensor& dy,
                                              Tensor& dlogits) {
  time("softmax_cross_entropy_backward", {logits.shape()},
       [&] { inner_.softmax_cross_entropy_backward(logits, labels, totals, dy, dlogits); });
}
void Profiler::sigmoid_cross_entropy_backward(const Tensor& logits, const Tensor& labels,
                                              const Tensor& dy, Tensor& dlogits) {
  time("sigmoid_cross_entropy_backward", {logits.shape()},
       [&] { inner_.sigmoid_cross_entropy_backward(logits, labels, dy, dlogits); });
}
void Profiler::dropout(const Draw& draw, double rate, const Tensor& x, Tensor& y) {
  time("dropout", {x.shape()}, [&] { inner_.dropout(draw, rate, x, y); });
}
void Profiler::draw_augmentation(const Augmentation& a, const Draw& draw, const Shape& images,
                                 Tensor& rows) {
  time("draw_augmentation", {images}, [&] { inner_.draw_augmentation(a, draw, images, rows); });
}
void Profiler::augment(const Augmentation& a, const Draw& draw, const Tensor& rows, const Tensor& x,
                       Tensor& y) {
  time("augment", {x.shape()}, [&] { inner_.augment(a, draw, rows, x, y); });
}
void Profiler::augment_backward(const Augmentation& a, const Tensor& rows, const Tensor& y,
                                const Tensor& dy, Tensor& dx) {
  time("augment_backward", {dx.shape()}, [&] { inner_.augment_backward(a, rows, y, dy, dx); });
}
void Profiler::copy_slice(const Tensor& x, int axis, int64_t x_begin, int64_t y_begin,
                          int64_t length, Tensor& y) {
  time("copy_slice", {x.shape(), y.shape()},
       [&] { inner_.copy_slice(x, axis, x_begin, y_begin, length, y); });
}
void Profiler::copy_strided(const Tensor& x, int64_t first, std::span<const int64_t> steps,
                            Tensor& y) {
  time("copy_strided", {x.shape(), y.shape()}, [&] { inner_.copy_strided(x, first, steps, y); });
}
void Profiler::gather(const Tensor& x, const Tensor& index, double scale, double shift, Tensor& y) {
  time("gather", {y.shape()}, [&] { inner_.gather(x, index, scale, shift, y); });
}
void Profiler::gather_backward(const Tensor& index, const Tensor& dy, Tensor& dx) {
  time("gather_backward", {dx.shape()}, [&] { inner_.gather_backward(index, dy, dx); });
}
void Profiler::one_hot(const Tensor& index, Tensor& y) {
  time("one_hot", {y.shape()}, [&] { inner_.one_hot(index, y); });
}
void Profiler::increment(Tensor& counter) {
  time("increment", {}, [&] { inner_.increment(counter); });
}
void Profiler::update(const UpdateFn& fn, const Tensor& lr, const Tensor& t,
                      std::span<UpdateSlot> slots) {
  time("update", {}, [&] { inner_.update(fn, lr, t, slots); });
}
std::unique_ptr<Recording> Profiler::record(std::function<void()> work) {
  return inner_.record(std::move(work));
}

}  // namespace gradus
