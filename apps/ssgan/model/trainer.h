#pragma once

#include <map>
#include <memory>
#include <vector>

#include "apps/ssgan/model/losses.h"
#include "apps/ssgan/options.h"
#include "nn/data/image_set.h"
#include "nn/moving_average.h"
#include "nn/optim.h"
#include "tensor/backend.h"
#include "tensor/communicator.h"

namespace gradus::ssgan {

/// What a step reports of itself: the scalars of ModelLoss. Those that it does not learn from are
/// NaN.
struct Metrics {
  double d_real, d_fake, d_class, d, g;
  double consistency, confident;
  double correct, masked_correct;
};

/// A step's real images, indices into the training set: first `labelled` of the labelled stream,
/// then those of the unlabelled one.
struct StepImages {
  std::vector<int32_t> all;
  int64_t labelled = 0;
};

/// What names of the averaged discriminator begin with in checkpoints.
constexpr const char* kAveraged = "average.discriminator.";

/// The two networks, their optimisers, and one step of training them.
class Trainer {
 public:
  /// Networks with fresh weights from the seed. `ranks`, if any, must outlive it: all of them take
  /// each step together, each on its part of the step's images and noise, and have the same
  /// weights and metrics after it.
  Trainer(const Options& options, DType dtype, Device device, Communicator* ranks = nullptr);

  Generator& generator() { return generator_; }
  Discriminator& discriminator() { return discriminator_; }
  /// The discriminator by the weights that options.eval_ema says.
  Discriminator& evaluated() { return options_.eval_ema ? *averaged_ : discriminator_; }

  /// The training set that steps take their images from, kept on the device as bytes. label_mask
  /// i32 [N]. Networks with weight norm start from its first images, and load comes after that.
  /// Throws DeviceError where memory is out.
  void use(const ImageSet& set, const Tensor& label_mask);

  /// Step number `step` (0 is the first) of the run on these images of the set, indices in [0, N),
  /// unchecked. Its metrics, those before its update, wait on the device: the host need not wait
  /// for the step. Throws Error where kKept wait already.
  void step(int64_t step, const StepImages& images, double lr);
  /// The metrics of the steps since the last call, at most kKept.
  std::vector<Metrics> take_metrics();
  static constexpr int64_t kKept = 64;

  /// Sees a step's insides: its data as "images", "labels", "label_mask", "z" and "lr", every named
  /// activation, and every gradient as ("discriminator.conv1.weight", tensor); that of g towards
  /// the generated images as "fake".
  struct Trace {
    Pass::Observer activation = {};
    /// Called after the forward pass and before any gradient is taken; one that it takes itself
    /// must retain the tape.
    std::function<void(const Pass& pass, const ModelLoss& loss)> forward = {};
    std::function<void(const std::string& name, const Tensor& gradient)> gradient = {};
  };
  /// The same step with the same bits, traced.
  Metrics step(int64_t step, const StepImages& images, double lr, const Trace& trace);
  /// The same on explicit data, of the trainer's dtype and device: z [M, 100], and
  /// options.labelled_batch images of the labelled stream, or all. Throws as model_loss.
  Metrics step(int64_t step, const Batch& real, const Tensor& z, double lr, const Trace& trace);

  /// Takes the parameters of both networks, from which the average begins, too. Throws DataError as
  /// Module::load.
  void begin_with(const std::map<std::string, Tensor>& parameters);
  /// Weights, running statistics, the average and both Adams, under the names of docs/formats.md.
  void save(std::map<std::string, Tensor>& tensors);
  /// Copies them back; an average that they lack begins with the weights. Throws DataError as
  /// Module::load.
  void load(const std::map<std::string, Tensor>& tensors);
  /// Gives all ranks what rank 0 would save.
  void share();

 private:
  static constexpr int64_t kMetrics = 9;
  /// Work of one recorded size of batch and of its labelled stream.
  struct Recorded {
    Tensor index;  // i32 [N]
    std::unique_ptr<Recording> recording;
  };

  /// A step's images of all ranks, and those of the labelled stream among them.
  struct Size {
    int64_t images, labelled;
    auto operator<=>(const Size&) const = default;
  };
  /// This rank's part of `count` rows.
  struct Part {
    int64_t begin, end;
  };
  Part part_of(int64_t count) const;
  Pass training_pass();
  ModelLoss loss_of(const Pass& pass, const Batch& real, const Size& size, const Tensor& z);
  void start_from_data();
  /// Moves the average of D's weights, where there is one.
  void move_average(int64_t step);
  Batch gather_batch(const Tensor& index) const;
  /// This rank's part of `count` noise vectors.
  Tensor draw_z(int64_t count);
  /// Forward, both gradients at the old parameters, then both updates; metrics to metrics_.
  void run(const Batch& real, const Size& size, const Tensor& z, const Trace& trace);
  /// The step's batch and noise, as step_ and the index of this rank's part say, then run.
  void run(const Tensor& index, const Size& size, const Trace& trace);
  Tensor index_of(const StepImages& images) const;
  std::vector<Metrics> read(const Tensor& rows) const;

  Options options_;
  DType dtype_;
  Device device_;
  Communicator* ranks_;
  Generator generator_;
  Discriminator discriminator_;
  std::unique_ptr<Discriminator> averaged_;  // null without options.ema; has no dropout
  std::unique_ptr<ExponentialMovingAverage> average_;
  Adam d_adam_, g_adam_;
  // What changes from step to step lies on the device, for recordings to read.
  Tensor step_;     // i32 []
  Tensor lr_;       // f64 []
  Tensor metrics_;  // [1, kMetrics]
  Tensor kept_;     // [kKept, kMetrics]: of the last steps
  int64_t kept_count_ = 0;
  Random random_;
  Tensor images_, labels_, label_mask_;
  std::map<Size, Recorded> recorded_;
};

}  // namespace gradus::ssgan
