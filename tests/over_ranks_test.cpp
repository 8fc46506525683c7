#include "autograd/over_ranks.h"

#include <numeric>

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "nn/layers.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/thread_ranks.h"
#include "tests/values.h"

using namespace gradus;

namespace {

Tensor numbers(const Shape& shape, uint64_t seed, DType dtype = DType::f64) {
  return uniform(shape, Random(seed, Stream::check).next(), -1, 1, dtype);
}

/// Rows of x that a rank has where ranks have so many each.
Tensor part_of(const Tensor& x, const std::vector<int64_t>& rows, int rank) {
  const int64_t begin = std::accumulate(rows.begin(), rows.begin() + rank, int64_t{0});
  return slice(x, 0, begin, begin + rows[static_cast<size_t>(rank)]).value();
}

/// What every rank computes of its part, with the ranks: a value, the same on all.
using Shared = std::function<Var(const Pass& pass, const std::vector<Var>& parts)>;

/// f of the whole inputs, computed by ranks that have so many rows each of the first; the others
/// have all of each other input, as they have weights.
Var by_ranks(const Shared& f, const std::vector<int64_t>& rows, const std::vector<Var>& inputs) {
  const auto size = static_cast<int>(rows.size());
  std::vector<Tensor> values(rows.size());
  std::vector<std::vector<Tensor>> gradients(rows.size());
  std::vector<Tensor> given;
  for (const Var& v : inputs) given.push_back(v.value().clone());
  run_as_ranks(size, [&](Communicator& ranks) {
    Random random(5);
    const Pass pass = Pass::training(random).shared_by(&ranks);
    const auto rank = static_cast<size_t>(ranks.rank());
    std::vector<Var> parts;
    for (const Tensor& t : given)
      parts.push_back(
          pass.tape()->watch(parts.empty() ? part_of(t, rows, ranks.rank()) : t.clone()));
    const Var y = f(pass, parts);
    values[rank] = y.value();
    for (const Var& part : parts) gradients[rank].push_back(pass.gradient(y, part, true));
  });
  for (const Tensor& v : values) CHECK(v.item() == values[0].item());
  std::vector<Tensor> whole(inputs.size());
  std::vector<Var> first;
  for (const auto& of_rank : gradients) first.emplace_back(of_rank[0]);
  whole[0] = concat(first, 0).value();
  for (size_t i = 1; i < inputs.size(); ++i) {
    Var sum = Tensor::zeros(given[i].shape(), DType::f64);
    for (const auto& of_rank : gradients) sum = sum + Var(of_rank[i]);
    whole[i] = sum.value();
  }
  return Tape::record("by_ranks", inputs, values[0], [whole](const Tensor& dy, GradSink& grads) {
    for (size_t i = 0; i < whole.size(); ++i)
      grads.add(static_cast<int>(i), Var(dy) * Var(whole[i]));
  });
}

/// The splits that there are: even, uneven, a rank without rows.
const std::vector<std::vector<int64_t>> kSplits{{6},       {3, 3},    {1, 5},
                                                {4, 0, 2}, {0, 0, 6}, {1, 2, 2, 1}};

/// f of the whole by one process, by ranks of all splits; both gradients, and differences.
void check(const Shared& f, const std::vector<Tensor>& inputs) {
  const auto alone = [&](const std::vector<Var>& in) {
    Random random(5);
    return f(Pass::training(random), in);
  };
  const auto tape = Tape::make();
  std::vector<Var> leaves;
  for (const Tensor& t : inputs) leaves.push_back(tape->watch(t));
  const Var want = alone(leaves);
  const std::vector<Tensor> d_want = tape->gradients(want, leaves);
  for (const auto& rows : kSplits) {
    INFO("rows of ranks: " << fmt::format("{}", fmt::join(rows, " ")));
    const auto again = Tape::make();
    std::vector<Var> ours;
    for (const Tensor& t : inputs) ours.push_back(again->watch(t));
    const Var got = by_ranks(f, rows, ours);
    CHECK(std::abs(got.value().item() - want.value().item()) < 1e-12);
    const std::vector<Tensor> d_got = again->gradients(got, ours);
    for (size_t i = 0; i < inputs.size(); ++i)
      CHECK(error_of(to_array(d_got[i]), to_array(d_want[i])) < 1e-12);
  }
  const auto result = gradcheck(
      [&](const std::vector<Var>& in) {
        return by_ranks(f, {2, 1, 3}, in);
      },
      inputs);
  INFO(result.worst);
  CHECK(result.ok);
}

}  // namespace

TEST_CASE("ranks: sums are added in the order of ranks, the same bits on all") {
  for (const int size : {1, 2, 3, 4, 7})
    for (const int64_t n : {0, 1, 5, 100, 5000}) {
      INFO(size << " ranks, " << n << " numbers");
      std::vector<std::vector<float>> got(static_cast<size_t>(size));
      std::vector<double> want(static_cast<size_t>(n), 0);
      for (int r = 0; r < size; ++r) {
        const std::vector<float> own = numbers({n}, 10 + r, DType::f32).to_vector<float>();
        for (size_t i = 0; i < own.size(); ++i) want[i] += own[i];
      }
      run_as_ranks(size, [&](Communicator& ranks) {
        Tensor x = numbers({n}, 10 + ranks.rank(), DType::f32);
        ranks.sum(x);
        got[static_cast<size_t>(ranks.rank())] = x.to_vector<float>();
      });
      for (const auto& of_rank : got)
        for (size_t i = 0; i < want.size(); ++i) REQUIRE(of_rank[i] == static_cast<float>(want[i]));
    }
}

TEST_CASE("ranks: gather, broadcast, and an error on one of them") {
  // Catch2's checks are for one thread; errors reach it.
  run_as_ranks(3, [](Communicator& ranks) {
    const int rank = ranks.rank();
    require<Error>(ranks.gather(int64_t{10} + rank) == std::vector<int64_t>{10, 11, 12}, "numbers");
    require<Error>(ranks.gather(Tensor::from({rank, -rank}, {2})).to_vector<int32_t>() ==
                       std::vector<int32_t>{0, 0, 1, -1, 2, -2},
                   "tensors");
    Tensor x = Tensor::from({rank + 1.5}, {1});
    ranks.broadcast(x);
    require<Error>(x.item() == 1.5, "a tensor of rank 0");
    require<Error>(ranks.broadcast(rank == 0 ? std::string("words") : std::string()) == "words",
                   "a text of rank 0");
  });
  const auto fail = [] {
    run_as_ranks(3, [](Communicator& ranks) {
      if (ranks.rank() == 1) throw Error("rank 1 is out of memory");
      (void)ranks.gather(int64_t{1});
    });
  };
  CHECK(message_of<Error>(fail) == "rank 1 is out of memory");
}

TEST_CASE("ranks: sums and means of a batch in parts, forward and backward") {
  const Tensor x = numbers({6, 4}, 1), w = numbers({4}, 2);
  check([](const Pass& pass, const std::vector<Var>& in) { return sum(pass, tanh(in[0] * in[1])); },
        {x, w});
  check([](const Pass& pass,
           const std::vector<Var>& in) { return mean(pass, in[0] * in[1] * in[0]); },
        {x, w});
  // As feature matching has it: what is not linear comes after the mean.
  check([](const Pass& pass,
           const std::vector<Var>& in) { return sum(abs(mean(pass, in[0], {0}) * in[1])); },
        {x, w});
}

TEST_CASE("ranks: batch norm of a batch in parts has the statistics of the whole") {
  const Tensor x = numbers({6, 2, 3}, 1), gamma = numbers({3}, 2), beta = numbers({3}, 3);
  check(
      [](const Pass& pass, const std::vector<Var>& in) {
        const Var y = pass.ranks()
                          ? batch_norm_over_ranks(in[0], in[1], in[2], 1e-3, *pass.ranks()).y
                          : batch_norm(in[0], in[1], in[2], 1e-3).y;
        return mean(pass, tanh(leaky_relu(y, 0.2)) * y);
      },
      {x, gamma, beta});
}

TEST_CASE("ranks: dropout and augment draw what the whole batch would") {
  // Rows of 4 numbers, and of 3, which begin within a block of random words.
  for (const int64_t columns : {4, 3})
    check([](const Pass& pass,
             const std::vector<Var>& in) { return sum(pass, dropout(pass, in[0], 0.5) * in[1]); },
          {numbers({6, columns}, 1), numbers({columns}, 2)});
  for (const DType dtype : {DType::f64, DType::f32}) {
    const Tensor images = numbers({6, 4, 4, 3}, 1, dtype);
    const Augmentation all = augmentation("strong,shift,flip");
    Random random(5);
    const Tensor want = augment(Pass::training(random), images, all).value();
    for (const auto& rows : kSplits)
      run_as_ranks(static_cast<int>(rows.size()), [&](Communicator& ranks) {
        Random own(5);
        const Pass pass = Pass::training(own).shared_by(&ranks);
        const Tensor got = augment(pass, part_of(images, rows, ranks.rank()), all).value();
        require<Error>(to_array(got).v == to_array(part_of(want, rows, ranks.rank())).v,
                       "rank {} of {}", ranks.rank(), ranks.size());
      });
  }
}
