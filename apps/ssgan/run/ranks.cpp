#include "apps/ssgan/run/ranks.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/run/run_plan.h"
#include "apps/ssgan/run/signals.h"
#include "apps/ssgan/say.h"
#include "apps/ssgan/utf8.h"
#include "tensor/cuda_plugin.h"

namespace gradus::ssgan {
namespace {

enum Order : int32_t { go_home, begin_run, take_step };

struct Told {
  Order order;
  int64_t step;
};

void tell(Communicator& ranks, Order order, int64_t step = 0) {
  Tensor words = Tensor::from({int32_t{order}, static_cast<int32_t>(step)}, {2});
  ranks.broadcast(words);
}

Told listen(Communicator& ranks) {
  Tensor words = Tensor::zeros({2}, DType::i32);
  ranks.broadcast(words);
  const auto said = words.span<int32_t>();
  return {static_cast<Order>(said[0]), said[1]};
}

/// What fails in `work` ends all ranks: where all are at work, one cannot tell the others
/// otherwise.
void guarded(Communicator& ranks, const std::function<void()>& work) {
  const auto end_all = [&](const std::exception& e, int status) {
    say("ssgan: rank {} of {}: {}\n", ranks.rank(), ranks.size(), printable(e.what()));
    ranks.abort(status);
  };
  try {
    work();
  } catch (const DataError& e) {
    end_all(e, kBadData);
  } catch (const std::exception& e) {
    end_all(e, kFailed);
  }
}

/// A run as a rank has it that only computes.
class Followed {
 public:
  Followed(const Options& options, Device device, Communicator& ranks)
      : images_(load_images(options, Split::train)),
        plan_(options, images_),
        trainer_(options, DType::f32, device, &ranks) {
    trainer_.use(images_, plan_.label_mask());
    trainer_.share();
  }
  void take(int64_t step) {
    trainer_.step(step, plan_.images(step), plan_.lr(step));
    (void)trainer_.take_metrics();  // which rank 0 has, too
  }

 private:
  ImageSet images_;
  RunPlan plan_;
  Trainer trainer_;
};

}  // namespace

Lead::~Lead() {
  if (ranks_) tell(*ranks_, go_home);
}

void lead_run(Communicator* ranks, const Options& options, Trainer& trainer) {
  if (!ranks) return;
  guarded(*ranks, [&] {
    tell(*ranks, begin_run);
    (void)ranks->broadcast(to_json(options).dump());
    trainer.share();
  });
}

void lead_step(Communicator* ranks, int64_t step, const std::function<void()>& own) {
  if (!ranks) return own();
  tell(*ranks, take_step, step);
  guarded(*ranks, own);
}

std::unique_ptr<Communicator> device_ranks(Communicator& hosts, Device device) {
  std::unique_ptr<Communicator> ranks;
  guarded(hosts, [&] {
    const std::vector<int64_t> on_cpu = hosts.gather(int64_t{device.is_cpu()});
    require<Error>(std::ranges::count(on_cpu, on_cpu[0]) == hosts.size(),
                   "some ranks have a CUDA device and some do not; choose one kind by --device");
    if (!device.is_cpu()) ranks = ranks_of_devices(hosts, device);
  });
  return ranks;
}

void follow(Communicator& ranks, Device device) {
  stop_on_signals();  // which rank 0 decides about
  guarded(ranks, [&] {
    std::optional<Followed> run;
    for (;;) {
      const Told told = listen(ranks);
      if (told.order == go_home) return;
      if (told.order == take_step) {
        run.value().take(told.step);
        continue;
      }
      run.reset();
      const std::string options = ranks.broadcast(std::string());
      run.emplace(options_from_json(nlohmann::ordered_json::parse(options)), device, ranks);
    }
  });
}

}  // namespace gradus::ssgan
