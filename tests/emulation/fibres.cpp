#include "tests/emulation/fibres.h"

#include <ucontext.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "tensor/error.h"

namespace gradus::cuda::emulation {
namespace {

constexpr size_t kStack = 128 << 10;
constexpr unsigned kWarp = 32;

/// The threads that wait for each other at a barrier.
struct Group {
  unsigned alive = 0;
  std::vector<unsigned> waiting;
};

struct Fibre {
  ucontext_t context;
  std::unique_ptr<char[]> stack{new char[kStack]};

  explicit Fibre(void (*enter)()) {
    getcontext(&context);
    context.uc_stack.ss_sp = stack.get();
    context.uc_stack.ss_size = kStack;
    makecontext(&context, enter, 0);
  }
};

/// One block's threads. A fibre runs thread after thread; one that waits keeps its fibre, and the
/// scheduler goes on with another, so kernels without barriers switch no stacks.
class Scheduler {
 public:
  void set_order(uint64_t seed) {
    seed_ = seed;
    random_.seed(seed);
  }

  void run_block(unsigned threads, const std::function<void()>& body) {
    body_ = &body;
    start_order_.resize(threads);
    for (unsigned i = 0; i < threads; ++i) start_order_[i] = i;
    if (seed_) std::shuffle(start_order_.begin(), start_order_.end(), random_);
    started_ = 0;
    words_.assign(threads, 0);
    fibre_of_.assign(threads, nullptr);
    block_ = {threads, {}};
    warps_.assign((threads + kWarp - 1) / kWarp, {});
    for (unsigned i = 0; i < threads; ++i) ++warps_[i / kWarp].alive;
    ready_.clear();
    while (block_.alive) {
      const bool more = started_ < threads;
      if (!ready_.empty() && !(more && seed_ && random_() % 2)) {
        current_ = ready_.back();
        ready_.pop_back();
        running_ = fibre_of_[current_];
      } else {
        require(more, "emulated kernel: {} of {} threads of a block wait for each other for ever",
                block_.alive, threads);
        running_ = idle_fibre();
      }
      swapcontext(&main_, &running_->context);
    }
  }

  void block_barrier() { wait(block_); }
  void warp_barrier() { wait(warps_[current_ / kWarp]); }

  uint64_t exchange(uint64_t word, int mask) {
    const unsigned from = current_ ^ static_cast<unsigned>(mask);
    words_[current_] = word;
    warp_barrier();
    const uint64_t received = from < words_.size() ? words_[from] : word;
    warp_barrier();
    return received;
  }

 private:
  static void enter();

  Fibre* idle_fibre() {
    if (idle_.empty()) {
      fibres_.push_back(std::make_unique<Fibre>(enter));
      return fibres_.back().get();
    }
    Fibre* f = idle_.back();
    idle_.pop_back();
    return f;
  }

  /// The life of a fibre: threads that have not started, then idleness until the next block.
  void live() {
    Fibre* const own = running_;
    for (;;) {
      while (started_ < start_order_.size()) {
        current_ = start_order_[started_++];
        locate();
        (*body_)();
        Group& warp = warps_[current_ / kWarp];
        --block_.alive;
        --warp.alive;
        release_complete(block_);
        release_complete(warp);
      }
      idle_.push_back(own);
      swapcontext(&own->context, &main_);
    }
  }

  void wait(Group& group) {
    const unsigned thread = current_;
    Fibre* const own = running_;
    fibre_of_[thread] = own;
    group.waiting.push_back(thread);
    release_complete(group);
    swapcontext(&own->context, &main_);
    current_ = thread;
    locate();
  }

  void release_complete(Group& group) {
    if (group.waiting.empty() || group.waiting.size() < group.alive) return;
    ready_.insert(ready_.end(), group.waiting.begin(), group.waiting.end());
    group.waiting.clear();
    if (seed_) std::shuffle(ready_.begin(), ready_.end(), random_);
  }

  void locate() const {
    threadIdx = {current_ % blockDim.x, current_ / blockDim.x % blockDim.y,
                 current_ / blockDim.x / blockDim.y};
  }

  uint64_t seed_ = 0;
  std::mt19937_64 random_;
  const std::function<void()>* body_ = nullptr;
  ucontext_t main_;
  std::vector<std::unique_ptr<Fibre>> fibres_;
  std::vector<Fibre*> idle_, fibre_of_;
  Fibre* running_ = nullptr;
  std::vector<unsigned> start_order_, ready_;
  std::vector<uint64_t> words_;
  size_t started_ = 0;
  unsigned current_ = 0;
  Group block_;
  std::vector<Group> warps_;
};

Scheduler& scheduler() {
  static Scheduler scheduler;
  return scheduler;
}

void Scheduler::enter() { scheduler().live(); }

}  // namespace

void run_grid(Dim grid, Dim block, const std::function<void()>& body) {
  gridDim = grid;
  blockDim = block;
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, z};
        scheduler().run_block(block.count(), body);
      }
}

void set_order(uint64_t seed) { scheduler().set_order(seed); }
void block_barrier() { scheduler().block_barrier(); }
void warp_barrier() { scheduler().warp_barrier(); }
uint64_t exchange(uint64_t word, int mask) { return scheduler().exchange(word, mask); }

}  // namespace gradus::cuda::emulation
