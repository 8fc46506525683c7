#include <algorithm>
#include <cmath>
#include <map>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/model/trainer.h"
#include "tests/catch.h"
#include "tests/thread_ranks.h"
#include "tests/values.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace {

struct Trained {
  std::map<std::string, Tensor> tensors;
  std::vector<Metrics> metrics;
};

/// Three steps on drawn digits: one image is in the last.
Trained train(const Options& options, DType dtype, Communicator* ranks) {
  const ImageSet set = load_images(options, Split::train);
  Trainer trainer(options, dtype, kCpu, ranks);
  trainer.use(set, choose_labelled(set, options.labels, options.seed));
  const std::vector<std::vector<int32_t>> batches{
      {0, 1, 2, 3, 4, 5, 6}, {9, 8, 7, 11, 12, 3, 5}, {2, 1}};
  Trained done;
  for (int64_t step = 0; step < 3; ++step) {
    const auto& all = batches[static_cast<size_t>(step)];
    trainer.step(step, {all, std::min(options.labelled_batch, std::ssize(all))}, 1e-3);
  }
  done.metrics = trainer.take_metrics();
  trainer.save(done.tensors);
  for (auto& [name, t] : done.tensors) t = t.clone();
  return done;
}

Options small(const char* name) {
  Options o = preset(name);
  o.network.g_size_mult = 2;
  o.network.d_size_mult = 3;
  o.labels = parse_label_choice("per-class:2");
  o.noise_batch = 5;
  return o;
}

}  // namespace

TEST_CASE("ranks: they train as one process does, whatever the objective") {
  Options teacher = small("augmented");
  teacher.labelled_batch = 3;
  teacher.objective.augment = "strong,shift";
  teacher.objective.gan_real = GanReal::unlabelled;
  teacher.objective.g_loss = GLoss::both;
  teacher.objective.mean_teacher = true;
  teacher.objective.pseudo_label = 0.05;
  teacher.ema = 0.9;
  Options terms = small("default");
  terms.labelled_batch = 3;
  terms.objective.entropy = terms.objective.vat = terms.objective.pull_away = 0.5;
  terms.objective.manifold = 1e3;  // more, and rounding moves biases that a batch norm follows
  terms.ema = 0.9;
  Options supervised = small("mended");
  supervised.unlabeled = false;
  for (const Options& options :
       {small("mended"), small("tutorial"), small("salimans2016"), teacher, terms, supervised}) {
    const Trained want = train(options, DType::f64, nullptr);
    for (const int size : {2, 3}) {
      std::vector<Trained> got(static_cast<size_t>(size));
      run_as_ranks(size, [&](Communicator& ranks) {
        got[static_cast<size_t>(ranks.rank())] = train(options, DType::f64, &ranks);
      });
      for (const Trained& of_rank : got) {
        for (size_t step = 0; step < 3; ++step) {
          INFO(options.preset << ", " << size << " ranks, step " << step);
          const Metrics &a = of_rank.metrics[step], &b = want.metrics[step];
          CHECK(std::abs(a.d - b.d) < 1e-9);
          CHECK(a.correct == b.correct);
          CHECK(a.masked_correct == b.masked_correct);
          if (!std::isnan(b.g)) CHECK(std::abs(a.g - b.g) < 1e-9);
        }
        for (const auto& [name, t] : want.tensors) {
          // Where a gradient is rounding noise, Adam makes steps of it.
          if (name.ends_with(".bias")) continue;
          INFO(options.preset << ", " << size << " ranks: " << name);
          CHECK(error_of(to_array(of_rank.tensors.at(name)), to_array(t)) < 1e-7);
          CHECK(to_array(of_rank.tensors.at(name)).v == to_array(got[0].tensors.at(name)).v);
        }
      }
    }
  }
}

TEST_CASE("ranks: the same number of them gives the same bits again; local batch norm is another") {
  Options options = small("mended");
  const auto tensors = [&] {
    std::map<std::string, Tensor> of_first;
    run_as_ranks(2, [&](Communicator& ranks) {
      Trained done = train(options, DType::f32, &ranks);
      if (ranks.rank() == 0) of_first = std::move(done.tensors);
    });
    return of_first;
  };
  const auto once = tensors(), again = tensors();
  options.local_batch_norm = true;
  const auto local = tensors();
  for (const auto& [name, t] : once) CHECK(to_array(t).v == to_array(again.at(name)).v);
  const std::string name = "discriminator.conv3.weight";
  CHECK(to_array(once.at(name)).v != to_array(local.at(name)).v);
}

TEST_CASE("ranks: what a step sends") {
  std::vector<Communicator::Traffic> traffic(2);
  run_as_ranks(2, [&](Communicator& ranks) {
    (void)train(small("tutorial"), DType::f32, &ranks);
    traffic[static_cast<size_t>(ranks.rank())] = ranks.traffic();
  });
  for (const auto& [messages, bytes] : traffic) {
    CHECK(messages == 3 * 40);
    CHECK(bytes == 3 * 64752);
  }
}
