#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "tensor/backend.h"

namespace gradus::cuda {

/// The rules of a recording, the same on a card and in the emulation: the first kEagerRuns runs of
/// the work are ordinary ones and find out what memory it needs, in a pool of its own; the next is
/// captured; from then on the capture is replayed. In none of them may the host read or write the
/// device's memory.
class Recorder {
 public:
  static constexpr int kEagerRuns = 2;

  /// What a device makes of the work. `capture` calls the work once, without the device computing.
  struct Graph {
    virtual ~Graph() = default;
    virtual void capture(const std::function<void()>& work) = 0;
    virtual void replay() = 0;
  };

  /// `launch` gives the device what waits to be launched.
  Recorder(CachingAllocator& allocator, std::function<void()> launch)
      : allocator_(allocator), launch_(std::move(launch)) {}

  /// `graph` null: the work is called each time.
  std::unique_ptr<Recording> record(std::function<void()> work, std::unique_ptr<Graph> graph);

  bool is_running() const { return running_; }
  /// Throws DeviceError where a recording runs: "copy_to_host of 28 bytes: ...".
  void require_outside(const std::string& operation) const;

 private:
  class Recorded;

  CachingAllocator& allocator_;
  std::function<void()> launch_;
  bool running_ = false;
};

}  // namespace gradus::cuda
