#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace gradus {

/// Processes that compute one thing together, each a part of it. They are counted from 0: ranks.
/// What one of them calls, all call, in the same order; a call returns when the others have given
/// their part. A class for a way of exchanging bytes overrides the functions at the end.
class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// x, f32 or f64 and of one shape on all ranks, becomes the sum of theirs: added up in f64 in the
  /// order of ranks, so that all have the same bits, and each time.
  void sum(Tensor& x);
  /// x [...] of all ranks, of any dtype and one shape -> [size, ...] by rank.
  Tensor gather(const Tensor& x);
  /// The numbers of all ranks.
  std::vector<int64_t> gather(int64_t number);
  /// x, of any dtype and one shape on all ranks, becomes that of rank 0.
  void broadcast(Tensor& x);
  /// The text of rank 0.
  std::string broadcast(const std::string& text);

  /// What this rank has sent so far: calls of the functions below, and bytes to other ranks.
  struct Traffic {
    int64_t messages = 0, bytes = 0;
  };
  const Traffic& traffic() const { return traffic_; }

  /// Ends all ranks, wherever they are, with that exit status.
  [[noreturn]] virtual void abort(int status) = 0;
  /// "Open MPI 4.1.4".
  virtual std::string describe() const = 0;

  /// Whether the functions below take this device's memory; the host's all do.
  virtual bool reaches(Device device) const { return device.is_cpu(); }
  /// `bytes` of each rank to `all`, by rank; both lie on `where`.
  virtual void gather_bytes(const void* own, size_t bytes, void* all, Device where) = 0;
  /// `parts`: `bytes` for each rank; to `own`: what the ranks have for this one, by rank.
  virtual void exchange_bytes(const void* parts, size_t bytes, void* own, Device where) = 0;
  /// Rank 0's to the others.
  virtual void broadcast_bytes(void* data, size_t bytes, Device where) = 0;

 protected:
  Communicator(int rank, int size) : rank_(rank), size_(size) {}

 private:
  void count(int64_t bytes_each);
  /// x where its bytes can be sent from.
  Tensor within_reach(const Tensor& x) const;

  int rank_, size_;
  Traffic traffic_;
};

}  // namespace gradus
