#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "apps/ssgan/checkpoint.h"
#include "apps/ssgan/run.h"

// The commands of `ssgan`, after their flags are understood. Each returns the exit status, or
// throws: DataError 3, UsageError 2, NotFinite 5, any other Error 1. Results go to stdout.

namespace gradus::ssgan {

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
  RunSettings settings;
  std::filesystem::path out;
  std::optional<Checkpoint> resume;  ///< where to go on from
  bool overwrite = false;
  bool baseline = false;  ///< afterwards the supervised baseline, in out/baseline
  bool dry_run = false;   ///< print the configuration and stop
};
/// Trains and prints the summary; kInterrupted after Ctrl-C. Throws OutputError where `out` cannot
/// be written or holds a run.
int train(const TrainRequest& request);

struct DataRequest {
  Options options;
  std::filesystem::path out;  ///< examples of each class; empty: none
  bool json = false;
};
/// Reads a data set whole and prints how many images of each class it has.
int data(const DataRequest& request);

struct FetchRequest {
  std::optional<std::filesystem::path> data_dir;  ///< else nn/data/folders.h
  std::string url = "http://ufldl.stanford.edu/housenumbers";
  bool extra = false;
};
/// Downloads SVHN's files that are not there and prints where they are. Throws DataError where one
/// that is there is not the official one, and as download.
int fetch(const FetchRequest& request);

struct EvalRequest {
  Checkpoint checkpoint;
  Options options;
  Device device;
  bool json = false;
};
/// Prints the accuracy, in [0, 1], on the test set.
int eval(const EvalRequest& request);

struct SampleRequest {
  Checkpoint checkpoint;
  Options options;
  Device device;
  std::filesystem::path out;
  int64_t count = 50;
  int columns = 8;
  int64_t interpolate = 0;  ///< instead, so many rows from one noise vector to another
};
/// Writes a grid of generated images as a PNG.
int sample(const SampleRequest& request);

struct StepRequest {
  Options options;
  Device device;
  DType dtype = DType::f32;
  std::filesystem::path weights, batch, out;
  int64_t max_steps = 0;
};
/// Runs given steps (given_steps.h) and writes every tensor of them.
int step(const StepRequest& request);

struct ReplayRequest {
  std::filesystem::path run;
  std::string data_dir;  ///< empty: as the run had it
  Device device;
  int64_t step = 1;  ///< 1 is the run's first, as metrics.jsonl counts
  std::filesystem::path out;
};
/// Repeats step `step` of a run from the nearest earlier checkpoint and writes every tensor of it;
/// kCheckFailed where d is another than the run's metrics.jsonl says.
int replay(const ReplayRequest& request);

struct CompareRequest {
  std::filesystem::path actual;    ///< what `ssgan step` wrote
  std::filesystem::path case_dir;  ///< expected.safetensors and case.json
  double tolerance = 1e-12;        ///< of Comparison::error
  bool json = false;
};
/// Prints each tensor's error; kBadData where one is missing or misshapen, else kCheckFailed where
/// one is above the tolerance.
int compare(const CompareRequest& request);

struct SummaryRequest {
  Options options;
  bool json = false;
};
/// Prints the layers of both networks: shapes, parameters, multiply-adds, whether they reach a
/// loss.
int summary(const SummaryRequest& request);

struct ImportRequest {
  std::string from;  ///< PREFIX of a TensorFlow checkpoint, or PyTorch's weights .safetensors
  std::filesystem::path out;
  Options options;
};
/// Writes another program's weights as a checkpoint (import/import.h).
int import_checkpoint(const ImportRequest& request);

struct BenchRequest {
  Options options;
  Device device;
  int64_t steps = 40;
  bool json = false;
  bool profile = false;  ///< the time of each kernel besides
};
/// Prints the median and quartiles of a step's milliseconds. Throws UsageError for a profile on
/// another device than the CPU.
int bench(const BenchRequest& request);

/// Prints where the printed program departs from its prose, and this one's switch for each.
int explain();

}  // namespace gradus::ssgan
