#include "apps/ssgan/model/trainer.h"

#include <cstring>
#include <map>
#include <string>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/options.h"
#include "autograd/fusion.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace {

std::map<std::string, Tensor> state_after(int steps, const Options& options) {
  Trainer trainer(options, DType::f32, kCpu);
  trainer.use(drawn_digits(14, Split::train, options.zero_as), Tensor::full({14}, 1, DType::i32));
  for (int step = 0; step < steps; ++step) {
    const int begin = step % 4 * 4, end = std::min(begin + 4, 14);
    std::vector<int32_t> images;
    for (int i = begin; i < end; ++i) images.push_back(i);
    trainer.step(step, {images}, 1e-3);
    CHECK(trainer.take_metrics().size() == 1);
  }
  std::map<std::string, Tensor> state, copies;
  trainer.save(state);
  for (const auto& [name, t] : state) copies[name] = t.clone();
  return copies;
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.bytes() == b.bytes() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

}  // namespace

TEST_CASE("trainer: the same steps twice give the same bytes") {
  for (const char* name : {"tutorial", "mended"})
    for (const bool unlabeled : {true, false}) {
      Options o = preset(name);
      o.network.g_size_mult = 2;
      o.network.d_size_mult = 3;
      o.batch_size = 4;
      o.unlabeled = unlabeled;
      const auto first = state_after(20, o), second = state_after(20, o);
      const auto fewer = state_after(19, o);
      REQUIRE(first.size() == second.size());
      for (const auto& [key, t] : first) {
        INFO(name << ", unlabeled " << unlabeled << ": " << key);
        CHECK(same_bytes(t, second.at(key)));
      }
      CHECK(!same_bytes(first.at("discriminator.dense.weight"),
                        fewer.at("discriminator.dense.weight")));
    }
}

TEST_CASE("trainer: training steps have the same bits with and without fusion", "[optimised]") {
  for (const char* name : {"tutorial", "mended"}) {
    Options options = preset(name);
    options.batch_size = 8;
    options.network.g_size_mult = options.network.d_size_mult = 16;
    const ImageSet set = drawn_digits(16, Split::train, options.zero_as);
    const auto trained = [&] {
      Trainer trainer(options, DType::f32, kCpu);
      trainer.use(set, Tensor::full({set.count()}, 1, DType::i32));
      for (int step = 0; step < 3; ++step) trainer.step(step, {{1, 5, 4, 9, 0, 15, 3, 2}}, 1e-3);
      std::map<std::string, Tensor> tensors;
      trainer.save(tensors);
      return tensors;
    };
    const auto fused = trained();
    const Unfused off;
    for (const auto& [key, value] : trained()) {
      INFO(name << ": " << key);
      CHECK(same_bytes(value, fused.at(key)));
    }
  }
}
