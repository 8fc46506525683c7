#include <filesystem>
#include <fstream>
#include <iostream>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/data/digits.h"
#include "apps/ssgan/model/trainer.h"
#include "cuda/cudnn_conv.h"
#include "nn/data/batches.h"
#include "tensor/cpu/reference.h"
#include "tensor/file.h"
#include "tests/catch.h"
#include "tests/source_dir.h"

// cuDNN's heuristics answer for a card that is described to them, so its engines for our
// convolutions can be seen without one.

using namespace gradus;
using namespace gradus::ssgan;
using namespace gradus::cuda;

namespace {

/// Notes the convolutions that are asked of it, and computes none.
class Listener final : public cpu::Reference {
 public:
  void conv(const ConvParams& p, const Tensor& x, const Tensor& w, const Epilogue&,
            Tensor& y) override {
    note(cudnn::ConvKind::forward, p, x, w, y);
    fill(0, y);
  }
  void conv_grad_input(const ConvParams& p, const Tensor& w, const Tensor& dy, const Epilogue&,
                       Tensor& dx) override {
    note(cudnn::ConvKind::grad_input, p, dx, w, dy);
    fill(0, dx);
  }
  void conv_grad_weight(const ConvParams& p, const Tensor& x, const Tensor& dy,
                        Tensor& dw) override {
    note(cudnn::ConvKind::grad_weight, p, x, dw, dy);
    fill(0, dw);
  }
  std::map<ConvKey::Numbers, ConvKey> keys;

 private:
  void note(cudnn::ConvKind kind, const ConvParams& p, const Tensor& x, const Tensor& w,
            const Tensor& y) {
    const ConvKey key{kind, x.dtype(), x.shape(), w.shape(), y.shape(), p};
    keys.emplace(key.numbers(), key);
  }
};

/// Every convolution of one step of the tutorial's program.
std::vector<ConvKey> convolutions_of_a_step(DType dtype) {
  static Listener& listener = [&]() -> Listener& {
    auto made = std::make_unique<Listener>();
    Listener& l = *made;
    install_backend({DeviceKind::cuda, 30}, std::move(made));
    return l;
  }();
  listener.keys.clear();
  const ssgan::Options options = ssgan::preset("tutorial");
  ssgan::Trainer trainer(options, dtype, {DeviceKind::cuda, 30});
  trainer.use(ssgan::drawn_digits(options.batch_size, Split::train, options.zero_as),
              Tensor::full({options.batch_size}, 1, DType::i32));
  trainer.step(0, {shuffled(options.batch_size, 1, 0)}, 1e-3);
  std::vector<ConvKey> keys;
  for (const auto& [numbers, key] : listener.keys) keys.push_back(key);
  return keys;
}

cudnn::Descriptor h200() {
  const auto bytes = read_file(source_dir() / "tests/fixtures/h200.json");
  std::string json(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!json.empty() && json.back() == '\n') json.pop_back();
  return cudnn::device_from_json(json);
}

std::string to_json(const cudnn::Descriptor& device) {
  const auto name = CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION;
  std::string json(device.get(name, CUDNN_TYPE_CHAR, 0, nullptr), ' ');
  device.get(name, CUDNN_TYPE_CHAR, static_cast<int64_t>(json.size()), json.data());
  return json;
}

/// The engine that CudnnConv takes, with its workspace and notes; empty where there is none.
std::string engine_of(const ConvKey& key, const cudnn::Descriptor& device,
                      const cudnn::EngineRules& rules) {
  const cudnn::Descriptor graph = conv_graph(key, nullptr);
  for (const cudnn::Candidate& candidate : cudnn::candidates(graph, &device)) {
    if (!candidate.obeys(rules, key.dtype)) continue;
    try {
      const cudnn::Descriptor plan = cudnn::plan(candidate, nullptr, &device);
      const int64_t workspace = plan.get_int(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
      CHECK(workspace >= 0);
      CHECK(workspace <= int64_t{256} << 20);
      return fmt::format("engine {}, workspace {}{}{}", candidate.engine, workspace,
                         candidate.tensor_core ? ", tensor cores" : "",
                         candidate.compiles_at_run_time ? ", compiled at run time" : "");
    } catch (const DeviceError&) {  // the next one, as CudnnConv does
    }
  }
  FAIL_CHECK("no engine");
  return {};
}

}  // namespace

// Which engine cuDNN proposes first depends on its version, and on whether a driver's library is
// there: CMakeLists.txt runs this with a stub of one, too.
TEST_CASE("cudnn: each convolution of a step has the engine that is written down for an H200") {
  const cudnn::Descriptor device = h200();
  std::string engines = fmt::format("cuDNN {}\n", cudnnGetVersion());
  for (const DType dtype : {DType::f32, DType::f64}) {
    const std::vector<ConvKey> keys = convolutions_of_a_step(dtype);
    // Six convolutions and three transposed ones, forward and both gradients, but for those that
    // the pruned backward passes leave out.
    CHECK(keys.size() >= 23);
    for (const ConvKey& key : keys) {
      INFO(to_string(key));
      engines += to_string(key) + "\n  " + engine_of(key, device, {}) + "\n";
      if (dtype == DType::f32)
        engines += "  tf32: " + engine_of(key, device, {.tf32 = true}) + "\n";
    }
  }
  const std::filesystem::path file = source_dir() / "tests/fixtures/cudnn_engines.txt";
  const auto bytes = read_file(file);
  const std::string expected(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (engines != expected) std::ofstream("cudnn_engines.txt") << engines;
  if (expected.substr(0, expected.find('\n')) != engines.substr(0, engines.find('\n'))) {
    std::cout << "skipped: the engines that are written down are those of "
              << expected.substr(0, expected.find('\n')) << "\n";
    return;
  }
  INFO("cudnn_engines.txt in the current folder has what cuDNN chose");
  CHECK(engines == expected);
}

TEST_CASE("cudnn: an attribute that is wrong is an error with the library's reason") {
  const ConvKey key{
      cudnn::ConvKind::forward, DType::f32, {8, 16, 16, 4}, {5, 3, 3, 4}, {8, 9, 9, 5}, {}};
  CHECK_THROWS_AS(conv_graph(key, nullptr), DeviceError);
}

TEST_CASE("cudnn: a card's description comes back as it was given") {
  const std::string json = to_json(h200());
  CHECK_THAT(json, ContainsSubstring("H200"));
  CHECK(to_json(cudnn::device_from_json(json)) == json);
}

// For bench/gpu_check.sh: a description such as fixtures/h200.json.
TEST_CASE("cudnn: describes this machine's first card", "[.][describe]") {
  cudnn::Descriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  const int32_t first = 0;
  device.set(CUDNN_ATTR_DEVICEPROP_DEVICE_ID, CUDNN_TYPE_INT32, 1, &first);
  device.finalize("cuDNN: the first card's description");
  std::cout << to_json(device) << "\n";
}
