#include "apps/ssgan/import/import.h"

#include <cmath>

#include "apps/ssgan/model/trainer.h"
#include "tensor/safetensors.h"
#include "tests/catch.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/source_dir.h"
#include "tests/temp_dir.h"
#include "tests/values.h"

using namespace gradus;
using namespace gradus::ssgan;
namespace fs = std::filesystem;

namespace {

/// What fixtures/import/make_checkpoint.py wrote in TensorFlow.
fs::path fixture(const std::string& name) { return source_dir() / "tests/fixtures/import" / name; }

Options fixture_options() {
  Options o = preset("tutorial");
  o.network.g_size_mult = o.network.d_size_mult = 2;
  return o;
}

bool is_dead(const std::string& name) {
  for (const char* layer : {"bn2", "bn6", "conv6"})
    if (name.find(std::string("adam.discriminator.") + "m." + layer) == 0 ||
        name.find(std::string("adam.discriminator.") + "v." + layer) == 0)
      return true;
  return false;
}

bool all_zero(const Tensor& t) {
  for (const double v : to_array(t).v)
    if (v != 0) return false;
  return true;
}

template <class Net, class Run>
void check_output(const TensorFile& expected, const Checkpoint& c, const char* prefix,
                  const char* input, const char* output, const Run& run) {
  INFO(output);
  Net net(network_of(c.options), DType::f32, kCpu);
  net.load(c.tensors, prefix);
  const Var got = run(net, Pass::evaluation(Statistics::batch), Var(expected.tensors.at(input)));
  CHECK(error_of(to_array(got.value()), to_array(expected.tensors.at(output))) < 1e-5);
}

/// A checkpoint's parameters as a PyTorch program would save them.
TensorFile pytorch_file(const std::map<std::string, Tensor>& tensors) {
  TensorFile file;
  file.metadata["format"] = "pt";
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with("adam.")) continue;
    const Array ours = to_array(tensor);
    const Shape& s = tensor.shape();
    Array theirs = ours;
    if (s.rank() == 4) {
      theirs = Array({s[0], s[3], s[1], s[2]});
      for_each_index(s, [&](const Index& at) {
        theirs(at[0], at[3], at[1], at[2]) = ours(at[0], at[1], at[2], at[3]);
      });
    } else if (name.starts_with("generator.dense.")) {
      const int64_t channels = s[0] / 16, inputs = s.count() / s[0];
      for (int64_t h = 0; h < 4; ++h)
        for (int64_t w = 0; w < 4; ++w)
          for (int64_t c = 0; c < channels; ++c)
            for (int64_t i = 0; i < inputs; ++i)
              theirs.v[((c * 4 + h) * 4 + w) * inputs + i] =
                  ours.v[((h * 4 + w) * channels + c) * inputs + i];
    }
    const size_t variance = name.find("running_variance");
    const std::string their_name =
        variance == name.npos ? name : name.substr(0, variance) + "running_var";
    file.tensors[their_name] = to_tensor(theirs, DType::f32);
  }
  return file;
}

}  // namespace

TEST_CASE("import: a TensorFlow checkpoint gives TensorFlow's values, moments and steps") {
  const TensorFile expected = load_safetensors(fixture("expected.safetensors"));
  const Imported in = import_tensorflow(fixture("model"), fixture_options());
  for (const auto& [name, tensor] : in.checkpoint.tensors) {
    INFO(name);
    if (is_dead(name))
      CHECK(all_zero(tensor));
    else
      CHECK(same_bits(tensor, expected.tensors.at(name)));
  }
  for (const auto& [name, tensor] : expected.tensors)
    CHECK((in.checkpoint.tensors.contains(name) || name == "lr" || name.starts_with("output.")));
  CHECK(in.checkpoint.step == 3);
  CHECK(in.lr == expected.tensors.at("lr").item());
  REQUIRE(in.notes.size() == 2);
  CHECK(in.notes[0] ==
        "no loss reached discriminator.bn2, discriminator.bn6, discriminator.conv6: "
        "their m and v are 0");
  CHECK(in.notes[1] == "the discriminator's Adam took 3 steps, the generator's 2");
}

TEST_CASE("import: the networks compute what they did in TensorFlow") {
  const TensorFile expected = load_safetensors(fixture("expected.safetensors"));
  const Checkpoint c = import_tensorflow(fixture("model"), fixture_options()).checkpoint;
  check_output<Discriminator>(
      expected, c, "discriminator.", "output.x", "output.class_logits",
      [](auto& net, const Pass& pass, const Var& x) { return net(pass, x).class_logits; });
  check_output<Generator>(expected, c, "generator.", "output.z", "output.fake",
                          [](auto& net, const Pass& pass, const Var& z) { return net(pass, z); });
}

TEST_CASE("import: weights alone") {
  const TensorFile expected = load_safetensors(fixture("expected.safetensors"));
  const Imported in = import_tensorflow(fixture("weights"), fixture_options());
  for (const auto& [name, tensor] : in.checkpoint.tensors) {
    INFO(name);
    if (name.starts_with("adam.") || name.ends_with("running_mean"))
      CHECK(all_zero(tensor));
    else if (!name.ends_with("running_variance"))
      CHECK(same_bits(tensor, expected.tensors.at(name)));
  }
  CHECK(in.checkpoint.step == 0);
  CHECK(!in.lr);
  REQUIRE(in.notes.size() == 2);
  CHECK_THAT(in.notes[0], ContainsSubstring("running statistics are 0 and 1"));
  CHECK(in.notes[1] == "weights alone: both Adams start at 0");
}

TEST_CASE("import: sizes and files that do not fit are named") {
  Options o = fixture_options();
  o.network.g_size_mult = 4;
  CHECK_THROWS_WITH(import_tensorflow(fixture("model"), o),
                    ContainsSubstring("model: generator/") && ContainsSubstring("has shape [") &&
                        ContainsSubstring("expected (--g-size-mult"));
  o = fixture_options();
  o.network.extra_class = 1;
  CHECK_THROWS_WITH(import_tensorflow(fixture("model"), o),
                    ContainsSubstring("discriminator/dense/bias has shape [10]; [11] expected"));
  CHECK_THROWS_AS(import_tensorflow(fixture("none"), o), DataError);
  o = fixture_options();
  o.network.keep_dead_layers = false;
  CHECK_THAT(import_tensorflow(fixture("model"), o).notes.back(),
             ContainsSubstring("left out: discriminator/batch_normalization/beta,") &&
                 ContainsSubstring("and 6 more"));
  o.beta1 = 0.9;
  CHECK_THROWS_WITH(
      import_tensorflow(fixture("model"), o),
      ContainsSubstring("model: beta1_power, beta2_power: 0.0625 is no power of 0.9"));
}

TEST_CASE("import: steps of Adam from its powers") {
  for (const int t : {0, 1, 2, 124, 149, 573, 14325, 80000}) {
    INFO(t);
    float power1 = 0.5f, power2 = 0.999f;
    for (int i = 0; i < t; ++i) {
      power1 *= 0.5f;
      power2 *= 0.999f;
    }
    CHECK(steps_of_powers(power1, power2, 0.5) == t);
  }
  CHECK(steps_of_powers(0, 0, 0.5) == std::nullopt);
  CHECK_THROWS_AS(steps_of_powers(0.25f, 0.999f, 0.5), DataError);
  CHECK_THROWS_AS(steps_of_powers(0.25f, 0, 0.5), DataError);
  CHECK_THROWS_AS(steps_of_powers(0, 0.998001f, 0.5), DataError);
  CHECK_THROWS_AS(steps_of_powers(0.3f, 0.998001f, 0.5), DataError);
  CHECK_THROWS_AS(steps_of_powers(0.25f, 0.9985f, 0.5), DataError);
  CHECK_THROWS_AS(steps_of_powers(0.25f, 1, 0.5), DataError);
  CHECK_THROWS_AS(steps_of_powers(-0.25f, 0.998001f, 0.5), DataError);
  CHECK_THROWS_AS(steps_of_powers(0.25f, NAN, 0.5), DataError);
}

TEST_CASE("import: PyTorch's layouts") {
  const TempDir dir;
  const auto ours = import_tensorflow(fixture("model"), fixture_options()).checkpoint.tensors;
  TensorFile file = pytorch_file(ours);
  file.tensors["other"] = Tensor::from<float>({1}, Shape{});
  save_safetensors(dir / "a.safetensors", file);
  const Imported in = import_pytorch(dir / "a.safetensors", fixture_options());
  for (const auto& [name, tensor] : in.checkpoint.tensors) {
    INFO(name);
    CHECK((name.starts_with("adam.") ? all_zero(tensor) : same_bits(tensor, ours.at(name))));
  }
  CHECK(in.checkpoint.step == 0);
  CHECK(in.notes ==
        std::vector<std::string>{"weights alone: both Adams start at 0", "left out: other"});

  // What torch.save's state_dict has beside them: counters of 64 bits, dtypes that no tensor has.
  TensorFile more = file;
  more.tensors["generator.bn1.num_batches_tracked"] = Tensor::from<double>({0}, Shape{});
  more.tensors["odd"] = Tensor::from<double>({1}, Shape{1});
  save_safetensors(dir / "c.safetensors", more);
  std::string bytes = text_of(dir / "c.safetensors");
  const auto rename = [&](const std::string& name, const std::string& from, const std::string& to) {
    bytes.replace(bytes.find(from, bytes.find('"' + name + '"')), from.size(), to);
  };
  rename("generator.bn1.num_batches_tracked", R"("F64")", R"("I64")");
  rename("odd", R"("F64")", R"("C64")");
  dir.put("c.safetensors", bytes);
  const Imported same = import_pytorch(dir / "c.safetensors", fixture_options());
  CHECK_THAT(same.notes.back(),
             ContainsSubstring("num_batches_tracked") && ContainsSubstring("odd"));
  for (const auto& [name, tensor] : same.checkpoint.tensors) {
    INFO(name);
    CHECK(same_bits(tensor, in.checkpoint.tensors.at(name)));
  }

  // A preset that averages D's weights begins with these.
  Options averaged = fixture_options();
  averaged.ema = 0.9;
  averaged.eval_ema = true;
  const std::string average = kAveraged;
  for (const Imported& begun : {import_pytorch(dir / "a.safetensors", averaged),
                                import_tensorflow(fixture("model"), averaged)}) {
    int averages = 0;
    for (const auto& [name, tensor] : begun.checkpoint.tensors)
      if (name.starts_with(average)) {
        INFO(name);
        ++averages;
        CHECK(same_bits(tensor, ours.at("discriminator." + name.substr(average.size()))));
      }
    CHECK(averages > 10);
  }

  const auto refused = [&](const std::string& message) {
    save_safetensors(dir / "b.safetensors", file);
    CHECK_THROWS_WITH(import_pytorch(dir / "b.safetensors", fixture_options()),
                      ContainsSubstring("b.safetensors: " + message));
  };
  Tensor& variance = file.tensors.at("generator.bn2.running_var");
  variance = Tensor::from<float>({1, 1, -1, 1}, Shape{4});
  refused("generator.bn2.running_var holds -1");
  variance = Tensor::from<float>({1, 1, INFINITY, 1}, Shape{4});
  refused("generator.bn2.running_var holds inf");
  file.tensors["discriminator.conv4.weight"] = ours.at("discriminator.conv4.weight");
  refused("discriminator.conv4.weight has shape [4, 3, 3, 2]; [4, 2, 3, 3] expected");
  file.tensors.erase("discriminator.conv1.bias");
  refused("discriminator.conv1.bias: no such tensor");
  write_checkpoint(dir / "ours.safetensors", {fixture_options(), 0, {}, {}, ours});
  CHECK_THROWS_WITH(import_pytorch(dir / "ours.safetensors", fixture_options()),
                    ContainsSubstring("a checkpoint of ssgan already"));
}

TEST_CASE("import: the program evaluates, samples and trains on from it") {
  const TempDir dir;
  const SmallSvhn data;
  const std::string at = (dir / "imported.safetensors").string(), out = (dir / "run").string();
  const std::string data_flags = " --data svhn --data-dir " + data.path().string();
  const auto run = [](const std::string& line) {
    const ProgramResult r = run_program(line);
    INFO(line << "\n" << r.err);
    REQUIRE(r.status == 0);
    return r;
  };
  const ProgramResult imported = run("import --from " + quoted(fixture("model.index")) + " --out " +
                                     at + " --g-size-mult 2 --d-size-mult 2" + data_flags);
  CHECK(imported.out == at + " at step 3\n");
  CHECK_THAT(imported.err, ContainsSubstring("learning rate 0.00027;"));
  run("eval --checkpoint " + at);
  run("sample --checkpoint " + at + " --out " + (dir / "grid.png").string());
  run("train --resume " + at + " --out " + out + " --batch-size 8 --labels first:8 --max-steps 4");
  const Checkpoint after = read_checkpoint(dir / "run/checkpoints/step_00000004.safetensors");
  CHECK(after.step == 4);
  CHECK(after.tensors.at("adam.discriminator.t").item() == 4);
  CHECK(after.tensors.at("adam.generator.t").item() == 3);
  CHECK(run_program("import --from " + (dir / "none").string() + " --out " + at).status == 3);
}
