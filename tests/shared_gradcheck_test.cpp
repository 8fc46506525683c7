#include <algorithm>

#include "apps/ssgan/model/losses.h"
#include "apps/ssgan/options.h"
#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "tensor/mpi_plugin.h"
#include "tests/catch.h"
#include "tests/thread_ranks.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace {

Tensor numbers(const Shape& shape, uint64_t seed) {
  return uniform(shape, Random(seed, Stream::check).next(), -1, 1, DType::f64);
}

/// The gradients of a loss towards all parameters of two small networks, as ranks that have a part
/// of five images each sum them, against differences of the loss that they compute together. All
/// ranks call it, and have the same result. Null: one process.
GradcheckResult check_model(Communicator* ranks, Var ModelLoss::*loss) {
  Options o = preset("default");
  o.network.g_size_mult = 2;
  o.network.d_size_mult = 3;
  Generator generator(network_of(o), DType::f64, kCpu);
  Discriminator discriminator(network_of(o), DType::f64, kCpu);
  Random init(3, Stream::init);
  generator.initialize(init);
  discriminator.initialize(init);
  std::vector<Parameter*> parameters = generator.parameters();
  std::ranges::copy(discriminator.parameters(), std::back_inserter(parameters));
  std::vector<Tensor> inputs;
  for (const Parameter* p : parameters) inputs.push_back(p->value().clone());

  const int64_t rank = ranks ? ranks->rank() : 0, size = ranks ? ranks->size() : 1;
  const auto part = [&](const Tensor& whole) {
    return slice(whole, 0, 5 * rank / size, 5 * (rank + 1) / size).value();
  };
  // The labelled images are all of the first rank.
  const Batch batch{part(numbers({5, 32, 32, 3}, 4)), part(Tensor::from({0, 3, 7, 9, 1}, {5})),
                    part(Tensor::from({1., 0., 0., 0., 0.}, {5}))};
  const Tensor z = part(numbers({5, kZSize}, 5));
  const auto f = [&](const std::vector<Var>& in) {
    Random draws(7);  // dropout drops the same each time
    const Pass pass = Pass::training(draws).with(Statistics::batch).shared_by(ranks);
    for (size_t i = 0; i < in.size(); ++i)
      pass.bind(*parameters[i], pass.tape()->watch(in[i].value()));
    const Var y = model_loss(pass, generator, discriminator, batch, z, ZeroAs::klass).*loss;
    const bool moved = std::ranges::none_of(in, &Var::tracked);  // for a difference
    return Tape::record("shared", in, y.value(),
                        [g = moved ? std::vector<Tensor>() : pass.gradients(y, parameters)](
                            const Tensor& dy, GradSink& grads) {
                          for (size_t i = 0; i < g.size(); ++i)
                            grads.add(static_cast<int>(i), Var(dy) * Var(g[i]));
                        });
  };
  return gradcheck(f, inputs, {.coordinates = 1});
}

}  // namespace

TEST_CASE("ranks: gradients of the whole model are those that differences of it say") {
  for (const int size : {1, 2, 3, 4})
    for (const auto loss : {&ModelLoss::d, &ModelLoss::g}) {
      GradcheckResult result;
      run_as_ranks(size, [&](Communicator& ranks) {
        const GradcheckResult own = check_model(&ranks, loss);
        if (ranks.rank() == 0) result = own;
      });
      INFO(size << " ranks: " << result.worst);
      CHECK(result.ok);
      CHECK(result.checked > 30);
    }
}

TEST_CASE("ranks: gradients of the whole model by those that a launcher has started", "[.][mpi]") {
  for (const auto loss : {&ModelLoss::d, &ModelLoss::g}) {
    const GradcheckResult result = check_model(launched_ranks(), loss);
    INFO(result.worst);
    CHECK(result.ok);
    CHECK(result.checked > 30);
  }
}
