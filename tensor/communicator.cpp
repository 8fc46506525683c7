#include "tensor/communicator.h"

#include <algorithm>

namespace gradus {
namespace {

// Below, a sum is one message to each rank, not two.
constexpr size_t kSmall = 1 << 14;

/// Adds up `ranks` runs of n elements that lie one after the other.
template <class T>
void add_up(const T* runs, int ranks, int64_t n, T* sum) {
  for (int64_t i = 0; i < n; ++i) {
    double total = 0;
    for (int r = 0; r < ranks; ++r) total += runs[r * n + i];
    sum[i] = static_cast<T>(total);
  }
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

void Communicator::sum(Tensor& x) {
  if (size_ == 1) return;
  Tensor host = x.to(kCpu);
  visit_float(x.dtype(), [&]<class T>(T) {
    const int64_t n = x.count();
    std::vector<T> result(static_cast<size_t>(n));
    if (x.bytes() < kSmall) {
      std::vector<T> all(static_cast<size_t>(n * size_));
      count(static_cast<int64_t>(x.bytes()));
      gather_bytes(host.data<T>(), x.bytes(), all.data());
      add_up(all.data(), size_, n, result.data());
    } else {
      // Each rank adds up a part, then all get all parts.
      const int64_t part = (n + size_ - 1) / size_;
      std::vector<T> padded(static_cast<size_t>(part * size_)), runs(padded.size());
      std::vector<T> own(static_cast<size_t>(part));
      std::copy_n(host.data<T>(), n, padded.data());
      count(part * static_cast<int64_t>(sizeof(T)));
      exchange_bytes(padded.data(), static_cast<size_t>(part) * sizeof(T), runs.data());
      add_up(runs.data(), size_, part, own.data());
      count(part * static_cast<int64_t>(sizeof(T)));
      gather_bytes(own.data(), static_cast<size_t>(part) * sizeof(T), padded.data());
      std::copy_n(padded.data(), n, result.data());
    }
    x.copy_from(Tensor::from(std::span<const T>(result), x.shape()));
  });
}

Tensor Communicator::gather(const Tensor& x) {
  const Tensor host = x.to(kCpu);
  Tensor all(Shape(stacked(size_, x.shape())), x.dtype());
  count(static_cast<int64_t>(x.bytes()));
  gather_bytes(host.raw(), x.bytes(), all.mutable_raw());
  return all.to(x.device());
}

std::vector<int64_t> Communicator::gather(int64_t number) {
  std::vector<int64_t> all(static_cast<size_t>(size_));
  count(sizeof number);
  gather_bytes(&number, sizeof number, all.data());
  return all;
}

void Communicator::broadcast(Tensor& x) {
  Tensor host = x.to(kCpu);
  if (rank_ == 0) count(static_cast<int64_t>(x.bytes()));
  broadcast_bytes(host.mutable_raw(), x.bytes());
  if (rank_ > 0 && x.device() != kCpu) x.copy_from(host);
}

std::string Communicator::broadcast(const std::string& text) {
  uint64_t length = text.size();
  if (rank_ == 0) count(static_cast<int64_t>(sizeof length + length));
  broadcast_bytes(&length, sizeof length);
  std::string same = text;
  same.resize(length);
  broadcast_bytes(same.data(), length);
  return same;
}

}  // namespace gradus
