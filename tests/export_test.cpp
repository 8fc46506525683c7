#include "apps/ssgan/export/export.h"

#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/ssgan/import/import.h"
#include "apps/ssgan/model/evaluate.h"
#include "apps/ssgan/model/trainer.h"
#include "autograd/ops.h"
#include "tests/catch.h"
#include "tests/onnx_model.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/source_dir.h"
#include "tests/temp_dir.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace {

constexpr int64_t kImages = 5;

Options small(const std::string& preset_name, int extra_class, int image_size = 32) {
  Options o = preset(preset_name);
  o.network.g_size_mult = 2;
  o.network.d_size_mult = 3;
  o.network.extra_class = extra_class;
  o.network.image_size = image_size;
  return o;
}

/// Every tensor drawn anew, so that no two parts are alike, as fresh ones are.
Checkpoint drawn_checkpoint(const Options& options) {
  Checkpoint c;
  c.options = options;
  Trainer(options, DType::f32, kCpu).save(c.tensors);
  unsigned seed = 1;
  for (auto& [name, tensor] : c.tensors) {
    if (!is_float(tensor.dtype())) continue;
    const bool positive = name.find("variance") != name.npos;
    const bool norm = name.find(".bn") != name.npos;
    tensor = random_tensor(tensor.shape(), DType::f32, ++seed, positive || norm ? 0.5 : -0.4,
                           positive || norm ? 1.5 : 0.4);
  }
  return c;
}

Tensor some_images(const Checkpoint& c) {
  const int64_t side = c.options.network.image_size;
  Tensor images({kImages, side, side, 3}, DType::u8);
  uint32_t state = 1;
  for (uint8_t& v : images.mutable_span<uint8_t>())
    v = static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return images;
}

Tensor some_z() { return random_tensor({3, kZSize}, DType::f32, 7); }

Predictions by_us(const Checkpoint& c, Statistics statistics) {
  Discriminator d(network_of(c.options), DType::f32, kCpu);
  d.load(c.tensors, "discriminator.");
  return predict(d, some_images(c), statistics);
}

/// In [0, 255], not yet rounded: [3, S, S, 3].
Array pictures_by_us(const Checkpoint& c, Statistics statistics) {
  Generator g(network_of(c.options), DType::f32, kCpu);
  g.load(c.tensors, "generator.");
  Array a = to_array(g(Pass::evaluation(statistics), some_z()).value());
  for (double& v : a.v) v = (v + 1) * 127.5;
  return a;
}

double largest_difference(const Array& a, const std::vector<double>& b) {
  REQUIRE(a.v.size() == b.size());
  double worst = 0;
  for (size_t i = 0; i < b.size(); ++i) worst = std::max(worst, std::abs(a.v[i] - b[i]));
  return worst;
}

std::vector<double> as_doubles(const std::vector<float>& v) { return {v.begin(), v.end()}; }

void check_onnx(const Checkpoint& c, Statistics statistics) {
  const OnnxModel d(discriminator_onnx(c, statistics));
  const Predictions expected = by_us(c, statistics);
  auto values = d.run(to_array(some_images(c)));
  CHECK(largest_difference(values.at("class_logits"), as_doubles(expected.logits)) < 1e-5);
  CHECK(largest_difference(values.at("probabilities"), expected.probabilities) < 1e-5);
  CHECK(largest_difference(values.at("p_real"), expected.real) < 1e-5);

  const OnnxModel g(generator_onnx(c, statistics));
  const Array pictures = g.run(to_array(some_z())).at("images");
  const int64_t side = c.options.network.image_size;
  CHECK(pictures.shape == Shape{3, side, side, 3});
  CHECK(largest_difference(pictures, pictures_by_us(c, statistics).v) < 0.51);
}

std::string bytes_of(const Tensor& t) {
  return {static_cast<const char*>(t.raw()), size_t(t.bytes())};
}

template <class T>
std::vector<double> values_in(const std::filesystem::path& file) {
  const std::string bytes = text_of(file);
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return {values.begin(), values.end()};
}

/// What another program computes of files in `folder` is what we do; says so where none is here.
void check_elsewhere(const std::string& kind, const TempDir& folder, const Checkpoint& c) {
  const auto python = std::getenv("GRADUS_PYTHON");
  folder.put("images.bin", bytes_of(some_images(c)));
  folder.put("z.bin", bytes_of(some_z()));
  const std::string command =
      fmt::format("'{}' '{}' {} '{}' {} > '{}' 2>&1", python ? python : "python3",
                  (source_dir() / "tests/fixtures/run_exported.py").string(), kind,
                  folder.path().string(), c.options.network.image_size, (folder / "said").string());
  const int status = std::system(command.c_str());
  if (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 127) {
    std::cout << "skipped: " << kind << ": " << text_of(folder / "said")
              << "($GRADUS_PYTHON names a Python that has it)\n";
    return;
  }
  INFO(text_of(folder / "said"));
  REQUIRE(status == 0);
  const Predictions expected = by_us(c, Statistics::running);
  const auto differs = [](const std::vector<double>& a, const std::vector<double>& b) {
    Array as_array{Shape{int64_t(a.size())}};
    as_array.v = a;
    return largest_difference(as_array, b);
  };
  CHECK(differs(values_in<float>(folder / "class_logits.bin"), as_doubles(expected.logits)) < 1e-5);
  CHECK(differs(values_in<float>(folder / "p_real.bin"), expected.real) < 1e-5);
  CHECK(differs(values_in<uint8_t>(folder / "pictures.bin"),
                pictures_by_us(c, Statistics::running).v) < 1);
}

}  // namespace

TEST_CASE("export: ONNX computes what we do") {
  for (const char* name : {"mended", "tutorial"})
    for (const int extra_class : {0, 1}) {
      INFO(name << " " << extra_class);
      const Checkpoint c = drawn_checkpoint(small(name, extra_class));
      check_onnx(c, Statistics::running);
      check_onnx(c, Statistics::batch);
    }
  const Checkpoint large = drawn_checkpoint(small("mended", 1, 64));
  check_onnx(large, Statistics::running);
  check_onnx(large, Statistics::batch);
}

TEST_CASE("export: what an ONNX file says of itself") {
  const Checkpoint c = drawn_checkpoint(small("mended", 1));
  const OnnxModel d(discriminator_onnx(c, Statistics::running));
  CHECK(d.ir_version == 7);
  CHECK(d.opset == 13);
  REQUIRE(d.inputs.size() == 1);
  CHECK(d.inputs[0].name == "images");
  CHECK(d.inputs[0].type == 2);
  CHECK(d.inputs[0].dims == std::vector<std::string>{"N", "32", "32", "3"});
  REQUIRE(d.outputs.size() == 3);
  CHECK(d.outputs[0].name == "class_logits");
  CHECK(d.outputs[0].dims == std::vector<std::string>{"N", "11"});
  CHECK(d.outputs[1].name == "probabilities");
  CHECK(d.outputs[2].name == "p_real");
  CHECK(d.outputs[2].dims == std::vector<std::string>{"N"});
  const auto classes = nlohmann::json::parse(d.metadata.at("classes"));
  REQUIRE(classes.size() == 11);
  CHECK(classes[3] == "3");
  CHECK(classes[10] == "generated");
  const OnnxModel g(generator_onnx(c, Statistics::running));
  CHECK(g.inputs.at(0).dims == std::vector<std::string>{"N", "100"});
  CHECK(g.outputs.at(0).type == 2);
  CHECK(g.outputs.at(0).dims == std::vector<std::string>{"N", "32", "32", "3"});
}

TEST_CASE("export: onnxruntime computes what we do") {
  for (const auto& [extra_class, side] : {std::pair{0, 32}, {1, 32}, {0, 64}}) {
    const TempDir folder;
    const Checkpoint c =
        drawn_checkpoint(small(extra_class ? "tutorial" : "mended", extra_class, side));
    folder.put("d.onnx", discriminator_onnx(c, Statistics::running));
    folder.put("g.onnx", generator_onnx(c, Statistics::running));
    check_elsewhere("onnx", folder, c);
  }
}

TEST_CASE("export: PyTorch computes what we do") {
  for (const auto& [extra_class, side] : {std::pair{0, 32}, {1, 32}, {0, 64}}) {
    const TempDir folder;
    const Checkpoint c =
        drawn_checkpoint(small(extra_class ? "tutorial" : "mended", extra_class, side));
    save_safetensors(folder / "w.safetensors", pytorch_weights(c));
    check_elsewhere("pytorch", folder, c);
  }
}

TEST_CASE("export: weights come back") {
  const TempDir dir;
  const Checkpoint c = drawn_checkpoint(small("tutorial", 1));
  save_safetensors(dir / "pytorch.safetensors", pytorch_weights(c));
  const auto back = import_pytorch(dir / "pytorch.safetensors", c.options).checkpoint.tensors;
  const TensorFile plain = plain_weights(c);
  for (const auto& [name, tensor] : c.tensors) {
    INFO(name);
    if (name.starts_with("adam.")) {
      CHECK(!plain.tensors.contains(name));
      continue;
    }
    CHECK(same_bits(back.at(name), tensor));
    CHECK(same_bits(plain.tensors.at(name), tensor));
  }
}

TEST_CASE("export: the command") {
  const SmallSvhn data;
  const TempDir dir;
  const std::string run = (dir / "run").string(), out = (dir / "out").string();
  REQUIRE(run_program("train" + data.flags() + "--epochs 1 --out " + run).status == 0);
  const auto exported = [&](const std::string& flags) {
    const ProgramResult r =
        run_program("export --checkpoint " + run + " --out " + out + " --format " + flags);
    INFO(flags << r.err);
    CHECK(r.status == 0);
    CHECK(r.out == out + "\n");
    return text_of(out);
  };
  const std::string running = exported("onnx");
  CHECK(OnnxModel(running).inputs.at(0).name == "images");
  CHECK(exported("onnx --eval-stats batch") != running);
  CHECK(OnnxModel(exported("onnx --network generator")).inputs.at(0).name == "z");
  exported("pytorch");
  CHECK(load_safetensors(out).metadata.at("format") == "pt");
  exported("safetensors");
  CHECK(load_safetensors(out).find("discriminator.bn3.running_variance"));

  const std::string baseline = (dir / "baseline").string();
  REQUIRE(
      run_program("train" + data.flags() + "--no-unlabeled --epochs 1 --out " + baseline).status ==
      0);
  const ProgramResult none = run_program("export --format onnx --network generator --checkpoint " +
                                         baseline + " --out " + out);
  CHECK(none.status == 2);
  CHECK_THAT(none.err, ContainsSubstring("is of a run that trains none"));

  const std::string line = "export --checkpoint " + run + " --out " + out;
  CHECK(run_program(line).status == 2);
  CHECK(run_program(line + " --format gguf").status == 2);
  CHECK(run_program(line + " --format pytorch --network generator").status == 2);
  CHECK(run_program("export --format onnx --checkpoint /nowhere --out " + out).status == 3);
  CHECK(run_program(line + "/in/a/file --format onnx").status == 1);
}
