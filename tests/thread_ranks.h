#pragma once

#include <condition_variable>
#include <cstring>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "tensor/communicator.h"

namespace gradus {

/// Where threads of one process meet, as ranks. One that ends by an error ends the others.
class Meeting {
 public:
  explicit Meeting(int size) : size_(size), given_(static_cast<size_t>(size)) {}

  /// Gives what `own` points to, has `read` look at what all have given, and waits for the others
  /// to have done so.
  void meet(int rank, const void* own,
            const std::function<void(const std::vector<const void*>&)>& read) {
    given_[static_cast<size_t>(rank)] = own;
    wait(true);
    read(given_);
    wait(false);  // all are here: nobody's bytes go while another reads them
  }
  void break_up() {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    all_here_.notify_all();
  }

 private:
  void wait(bool may_break) {
    std::unique_lock lock(mutex_);
    const int64_t round = round_;
    if (++here_ == size_) {
      here_ = 0;
      ++round_;
      all_here_.notify_all();
    }
    all_here_.wait(lock, [&] { return (may_break && broken_) || round_ != round; });
    if (round_ == round) throw Error("another rank has failed");
  }

  const int size_;
  std::vector<const void*> given_;
  std::mutex mutex_;
  std::condition_variable all_here_;
  int here_ = 0;
  int64_t round_ = 0;
  bool broken_ = false;
};

class ThreadRank final : public Communicator {
 public:
  ThreadRank(Meeting& meeting, int rank, int size) : Communicator(rank, size), meeting_(meeting) {}
  [[noreturn]] void abort(int) override {
    meeting_.break_up();
    throw Error("aborted");
  }
  std::string describe() const override { return "threads"; }

 private:
  void gather_bytes(const void* own, size_t bytes, void* all, Device) override {
    meeting_.meet(rank(), own, [&](const auto& given) {
      for (size_t r = 0; r < given.size(); ++r) copy(given[r], 0, bytes, all, r);
    });
  }
  void exchange_bytes(const void* parts, size_t bytes, void* own, Device) override {
    meeting_.meet(rank(), parts, [&](const auto& given) {
      for (size_t r = 0; r < given.size(); ++r)
        copy(given[r], static_cast<size_t>(rank()), bytes, own, r);
    });
  }
  void broadcast_bytes(void* data, size_t bytes, Device) override {
    meeting_.meet(rank(), data, [&](const auto& given) {
      if (rank() > 0) copy(given[0], 0, bytes, data, 0);
    });
  }
  static void copy(const void* from, size_t at, size_t bytes, void* to, size_t to_at) {
    if (bytes > 0)
      std::memcpy(static_cast<char*>(to) + to_at * bytes,
                  static_cast<const char*>(from) + at * bytes, bytes);
  }

  Meeting& meeting_;
};

/// Runs `work` as that many ranks, threads. Throws what the first of them to fail throws.
inline void run_as_ranks(int size, const std::function<void(Communicator& ranks)>& work) {
  Meeting meeting(size);
  std::exception_ptr error;
  std::once_flag first;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      ThreadRank here(meeting, rank, size);
      try {
        work(here);
      } catch (...) {
        std::call_once(first, [&] { error = std::current_exception(); });
        meeting.break_up();
      }
    });
  for (std::thread& t : threads) t.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace gradus
