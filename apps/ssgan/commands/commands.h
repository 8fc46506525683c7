#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "apps/ssgan/options.h"
#include "tensor/device.h"
#include "tensor/dtype.h"

// The commands of `ssgan`, after their flags are understood. Each returns the exit status, or
// throws: DataError 3, UsageError 2, NotFinite 5, any other Error 1. Results go to stdout.

namespace gradus::ssgan {

/// Flags or values that the command line should not have had: exit status 2.
struct UsageError : Error {
  using Error::Error;
};
/// A loss that is not finite: exit status 5.
struct NotFinite : Error {
  using Error::Error;
};

enum ExitStatus {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kBadData = 3,
  kCheckFailed = 4,
  kNotFinite = 5,
  kInterrupted = 130
};

struct TrainRequest {
  Options options;
  Device device;
  std::filesystem::path out;
  std::optional<std::filesystem::path> resume;  ///< a checkpoint
  bool overwrite = false;
  bool baseline = false;  ///< afterwards the supervised baseline, in out/baseline
  bool dry_run = false;   ///< print the configuration and stop
  bool color = false;
  int64_t max_steps = 0;   ///< stop after so many in all; 0: run all epochs
  int64_t log_every = 50;  ///< steps between plain progress lines
  int64_t save_every = 0;  ///< steps between checkpoints; 0: every five epochs
};
int train(const TrainRequest& request);

struct EvalRequest {
  std::filesystem::path checkpoint;
  Options options;
  Device device;
  bool json = false;
};
int eval(const EvalRequest& request);

struct SampleRequest {
  std::filesystem::path checkpoint;
  Options options;
  Device device;
  std::filesystem::path out;
  int64_t count = 50;
  int columns = 8;
};
int sample(const SampleRequest& request);

struct StepCommand {
  Options options;
  Device device;
  DType dtype = DType::f32;
  std::filesystem::path weights, batch, out;
  int64_t max_steps = 0;
};
int step(const StepCommand& command);

struct ReplayRequest {
  std::filesystem::path run;
  std::string data_dir;  ///< empty: as the run had it
  Device device;
  int64_t step = 1;  ///< 1 is the run's first, as metrics.jsonl counts
  std::filesystem::path out;
};
/// Repeats step `step` of a run from the nearest earlier checkpoint and writes every tensor of it.
int replay(const ReplayRequest& request);

int compare(const std::filesystem::path& actual, const std::filesystem::path& case_dir,
            double tolerance, bool json);

struct ImportRequest {
  std::string from;  ///< PREFIX of a TensorFlow checkpoint, or PyTorch's weights .safetensors
  std::filesystem::path out;
  Options options;
};
/// Writes another program's weights as a checkpoint (import.h).
int import_checkpoint(const ImportRequest& request);

struct BenchRequest {
  Options options;
  Device device;
  int64_t steps = 40;
  bool json = false;
};
int bench(const BenchRequest& request);

/// Prints where the printed program departs from its prose, and this one's switch for each.
int explain();

}  // namespace gradus::ssgan
