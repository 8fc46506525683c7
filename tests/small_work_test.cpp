#include "cuda/small_work.h"

#include <random>

#include "autograd/ops.h"
#include "tests/catch.h"
#include "tests/emulation/emulated.h"
#include "tests/op_cases.h"

// Small kernels of the CUDA backend that wait and run in one launch.

using namespace gradus;
using gradus::cuda::Piece;
using gradus::cuda::SmallWork;
using gradus::cuda::emulation::emulated;
using gradus::cuda::emulation::kEmulated;

namespace {

char memory[9];

Piece piece(int from, int to) {
  Piece p{.kind = Piece::Kind::unary, .count = 1};
  p.in[0] = &memory[from];
  p.out[0] = &memory[to];
  return p;
}

}  // namespace

TEST_CASE("small work: what waits for each other is one block's, in order", "[cuda]") {
  SmallWork work;
  work.add(piece(0, 1), 1);
  work.add(piece(2, 3), 1);
  work.add(piece(4, 5), 7);
  work.add(piece(1, 6), 1);  // reads what the first writes
  work.add(piece(5, 7), 1);  // what many blocks write
  work.add(piece(3, 1), 1);  // joins the first two
  work.add(piece(7, 0), 1);
  work.add(piece(0, 2), 2);  // many blocks of its own
  CHECK(work.uses(&memory[3]));
  CHECK_FALSE(work.uses(&memory[8]));

  const auto check_launch = [&](std::vector<int> froms, std::vector<int> first_blocks) {
    const cuda::Pieces all = work.take();
    REQUIRE(all.used == std::ssize(froms));
    for (int i = 0; i < all.used; ++i) {
      CHECK(all.piece[i].in[0] == &memory[froms[i]]);
      CHECK(all.piece[i].first_block == first_blocks[i]);
    }
  };
  check_launch({0, 2, 1, 3, 4}, {0, 0, 0, 0, 1});
  check_launch({5, 7}, {0, 0});
  check_launch({0}, {0});
  CHECK(work.is_empty());
}

// Calls of small and large kernels on a few tensors in a random order, so that all kinds of
// dependences come up: with the same bits as one at a time.
TEST_CASE("small work: calls give what they give one at a time", "[cuda]") {
  const auto results = [](unsigned seed) {
    std::mt19937 random(seed);
    std::vector<Tensor> small, large;
    for (int i = 0; i < 4; ++i) {
      small.push_back(random_tensor({6, 5}, DType::f32, i).to(kEmulated));
      large.push_back(random_tensor({130, 160}, DType::f32, i + 9).to(kEmulated));
    }
    const Tensor rate = Tensor::full({}, .5, DType::f64, kEmulated);
    Backend& on = backend(kEmulated);
    for (int call = 0; call < 120; ++call) {
      auto& of = random() % 4 ? small : large;
      Tensor &x = of[random() % 4], &y = of[random() % 4], &z = of[random() % 4];
      switch (random() % 8) {
        case 0:
          on.unary(Tanh{}, x, y);
          break;
        case 1:
          on.binary(Sub{}, x, y, z);
          break;
        case 2:
          on.fill(.25, x);
          break;
        case 3:
          if (x.raw() != y.raw()) on.copy_slice(x, 0, 1, 3, 2, y);
          break;
        case 4:
          on.copy(x.raw(), y.mutable_raw(), x.raw() == y.raw() ? 0 : x.bytes());
          break;
        case 5:
          x = Tensor::full(x.shape(), .5, DType::f32, kEmulated);  // the old one's memory is free
          break;
        case 6: {
          std::vector<UpdateSlot> slots{{x, y, {}, {}}};
          on.update(SgdUpdate{}, rate, {}, slots);
          break;
        }
        default:
          on.dropout({seed, Stream::train, 1, {}}, .5, x, y);
      }
    }
    std::vector<Array> all;
    for (const auto* of : {&small, &large})
      for (const Tensor& t : *of) all.push_back(to_array(t));
    return all;
  };
  for (unsigned seed = 1; seed <= 8; ++seed) {
    INFO("seed " << seed);
    emulated().postpone(true);
    const std::vector<Array> together = results(seed);
    emulated().postpone(false);
    const std::vector<Array> apart = results(seed);
    emulated().postpone(true);
    for (size_t i = 0; i < apart.size(); ++i) CHECK(same_bits(together[i], apart[i]));
  }
}

TEST_CASE("small work: memory that is let go of waits for what reads it", "[cuda]") {
  emulated();
  const size_t before = emulated().allocator().stats().live_blocks;
  {
    const Tensor y = Tensor::full({3}, 2, DType::f32, kEmulated).to(DType::f64);
    Tensor other = Tensor::full({3}, 5, DType::f32, kEmulated);
    CHECK(to_array(y).v == std::vector<double>{2, 2, 2});
    CHECK(to_array(other).v == std::vector<double>{5, 5, 5});
  }
  CHECK(emulated().allocator().stats().live_blocks == before);
}
