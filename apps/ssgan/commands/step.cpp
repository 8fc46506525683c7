#include <CLI/CLI.hpp>
#include <memory>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/golden/given_steps.h"

namespace gradus::ssgan {
namespace {

struct StepRequest {
  Options options;
  Device device;
  DType dtype = DType::f32;
  std::filesystem::path weights, batch, out;
  int64_t max_steps = 0;
};

/// Runs given steps (given_steps.h) and writes every tensor of them.
int step(const StepRequest& r) {
  const GivenSteps given{
      r.options,  r.dtype, r.device, load_safetensors(r.weights), load_safetensors(r.batch),
      r.max_steps};
  TensorFile result;
  try {
    result = run_steps(given);
  } catch (const DataError& e) {
    throw DataError(
        fmt::format("weights {}, batch {}: {}", r.weights.string(), r.batch.string(), e.what()));
  }
  save_safetensors(r.out, result);
  return kDone;
}

}  // namespace

void add_step(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    RuntimeFlags runtime;
    std::string dtype = "f32";
    StepRequest request;
  };
  CLI::App* app =
      add_command(program, "step", "Run given steps and write down every tensor",
                  "ssgan step --preset tutorial --weights W --batch B --out O --dtype f64");
  auto f = std::make_shared<Flags>();
  f->options.add_network(*app);
  f->options.add_data_dir(*app);
  f->runtime.add(*app);
  app->add_option("--weights", f->request.weights, "Parameters by name")->required();
  app->add_option("--batch", f->request.batch, "x and y or index, label_mask, z, lr")->required();
  app->add_option("--out", f->request.out, "File to write")->required();
  app->add_option("--max-steps", f->request.max_steps, "Run the first steps alone")
      ->check(a_count());
  app->add_option("--dtype", f->dtype, "f32 or f64")
      ->check(one_of({"f32", "f64"}))
      ->capture_default_str();
  app->callback([f, &chosen] {
    chosen = [f] {
      StepRequest& r = f->request;
      r.device = f->runtime.resolve();
      r.dtype = f->dtype == "f64" ? DType::f64 : DType::f32;
      r.options = f->options.resolve({}, "mended");
      r.options.data = "svhn";
      return step(r);
    };
  });
}

}  // namespace gradus::ssgan
