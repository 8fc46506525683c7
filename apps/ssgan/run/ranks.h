#pragma once

#include <functional>
#include <memory>

#include "apps/ssgan/model/trainer.h"

// Training by several ranks. Rank 0 leads: it has the run's folder, tests, decides when to stop,
// and tells the others which step all take next; they follow, until it sends them home.

namespace gradus::ssgan {

/// What the others are told. `ranks` is null where there are none: then nothing happens.
class Lead {
 public:
  explicit Lead(Communicator* ranks) : ranks_(ranks) {}
  /// Sends the others home.
  ~Lead();
  Lead(const Lead&) = delete;
  Lead& operator=(const Lead&) = delete;

 private:
  Communicator* ranks_;
};
/// Ranks that exchange what lies on their devices, where these are no CPUs; else null. What fails
/// on one, or devices of two kinds, end all.
std::unique_ptr<Communicator> device_ranks(Communicator& hosts, Device device);
/// Has the others begin this run, in place of one before, with rank 0's weights.
void lead_run(Communicator* ranks, const Options& options, Trainer& trainer);
/// Has all take that step; `own` is rank 0's part of it. What fails within ends all ranks.
void lead_step(Communicator* ranks, int64_t step, const std::function<void()>& own);

/// The steps of all runs that rank 0 leads. Returns when it sends this rank home; what fails ends
/// all ranks.
void follow(Communicator& ranks, Device device);

}  // namespace gradus::ssgan
