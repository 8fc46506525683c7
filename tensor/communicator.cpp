#include "tensor/communicator.h"

#include "tensor/backend.h"

namespace gradus {
namespace {

// Below, a sum is one message to each rank, not two.
constexpr size_t kSmall = 1 << 14;

/// runs [R, n], what R ranks have -> their sum [1, n].
void add_up(const Tensor& runs, Tensor& sum) {
  if (!runs.device().is_cpu()) return backend(sum).reduce(Reduction::sum, runs, sum);
  visit_float(sum.dtype(), [&]<class T>(T) {
    const int64_t n = sum.count(), ranks = runs.shape()[0];
    const T* const all = runs.data<T>();
    T* const to = sum.mutable_data<T>();
    for (int64_t i = 0; i < n; ++i) {
      double total = 0;
      for (int64_t r = 0; r < ranks; ++r) total += all[r * n + i];
      to[i] = static_cast<T>(total);
    }
  });
}

std::vector<int64_t> stacked(int size, const Shape& shape) {
  std::vector<int64_t> extents{size};
  extents.insert(extents.end(), shape.extents().begin(), shape.extents().end());
  return extents;
}

}  // namespace

void Communicator::count(int64_t bytes_each) {
  traffic_.messages += size_ > 1;
  traffic_.bytes += bytes_each * (size_ - 1);
}

Tensor Communicator::within_reach(const Tensor& x) const {
  return reaches(x.device()) ? x : x.to(kCpu);
}

void Communicator::sum(Tensor& x) {
  if (size_ == 1) return;
  const Tensor here = within_reach(x);
  const Device where = here.device();
  const int64_t n = x.count(), part = (n + size_ - 1) / size_;
  Tensor total({n}, x.dtype(), where);
  if (x.bytes() < kSmall) {
    Tensor all({size_, n}, x.dtype(), where), row = total.reshape({1, n});
    count(static_cast<int64_t>(x.bytes()));
    gather_bytes(here.raw(), x.bytes(), all.mutable_raw(), where);
    add_up(all, row);
  } else {
    // Each rank adds up a part, then all get all parts.
    Tensor padded = Tensor::zeros({part * size_}, x.dtype(), where);
    Tensor runs({size_, part}, x.dtype(), where), own({1, part}, x.dtype(), where);
    backend(where).copy_slice(here.reshape({n}), 0, 0, 0, n, padded);
    count(static_cast<int64_t>(own.bytes()));
    exchange_bytes(padded.raw(), own.bytes(), runs.mutable_raw(), where);
    add_up(runs, own);
    count(static_cast<int64_t>(own.bytes()));
    gather_bytes(own.raw(), own.bytes(), padded.mutable_raw(), where);
    backend(where).copy_slice(padded, 0, 0, 0, n, total);
  }
  x.copy_from(total.reshape(x.shape()));
}

Tensor Communicator::gather(const Tensor& x) {
  const Tensor here = within_reach(x);
  Tensor all(Shape(stacked(size_, x.shape())), x.dtype(), here.device());
  count(static_cast<int64_t>(x.bytes()));
  gather_bytes(here.raw(), x.bytes(), all.mutable_raw(), here.device());
  return all.to(x.device());
}

std::vector<int64_t> Communicator::gather(int64_t number) {
  std::vector<int64_t> all(static_cast<size_t>(size_));
  count(sizeof number);
  gather_bytes(&number, sizeof number, all.data(), kCpu);
  return all;
}

void Communicator::broadcast(Tensor& x) {
  Tensor here = within_reach(x);
  if (rank_ == 0) count(static_cast<int64_t>(x.bytes()));
  broadcast_bytes(here.mutable_raw(), x.bytes(), here.device());
  if (rank_ > 0 && x.device() != here.device()) x.copy_from(here);
}

std::string Communicator::broadcast(const std::string& text) {
  uint64_t length = text.size();
  if (rank_ == 0) count(static_cast<int64_t>(sizeof length + length));
  broadcast_bytes(&length, sizeof length, kCpu);
  std::string same = text;
  same.resize(length);
  broadcast_bytes(same.data(), length, kCpu);
  return same;
}

}  // namespace gradus
