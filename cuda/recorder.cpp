#include "cuda/recorder.h"

#include <utility>

namespace gradus::cuda {

class Recorder::Recorded final : public Recording {
 public:
  Recorded(Recorder& recorder, std::function<void()> work, std::unique_ptr<Graph> graph)
      : recorder_(recorder),
        work_(std::move(work)),
        graph_(std::move(graph)),
        pool_(recorder.allocator_.make_pool()) {}
  ~Recorded() override {
    graph_.reset();
    recorder_.allocator_.drop_pool(pool_);
  }

  void run() override {
    recorder_.launch_();
    if (!graph_ || runs_ < kEagerRuns) {
      const Inside inside(*this, true);
      work_();
      ++runs_;
      return;
    }
    if (!captured_) {
      const Inside inside(*this, false);
      graph_->capture(work_);
      captured_ = true;
    }
    const Inside inside(*this, false);
    graph_->replay();
  }

 private:
  /// The recording's own pool, and its rules, while it lives.
  class Inside {
   public:
    Inside(Recorded& r, bool may_allocate)
        : recorder_(r.recorder_), before_(recorder_.allocator_.use_pool(r.pool_, may_allocate)) {
      recorder_.running_ = true;
    }
    ~Inside() {
      recorder_.allocator_.use_pool(before_);
      recorder_.running_ = false;
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Recorder& recorder_;
    CachingAllocator::Pool before_;
  };

  Recorder& recorder_;
  std::function<void()> work_;
  std::unique_ptr<Graph> graph_;
  CachingAllocator::Pool pool_;
  int runs_ = 0;
  bool captured_ = false;
};

std::unique_ptr<Recording> Recorder::record(std::function<void()> work,
                                            std::unique_ptr<Graph> graph) {
  return std::make_unique<Recorded>(
      *this,
      [this, work = std::move(work)] {
        work();
        launch_();
      },
      std::move(graph));
}

void Recorder::require_outside(const std::string& operation) const {
  require<DeviceError>(!running_, "{}: the host may not touch a device's memory within a recording",
                       operation);
}

}  // namespace gradus::cuda
