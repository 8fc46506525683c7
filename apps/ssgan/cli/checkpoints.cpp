#include <CLI/CLI.hpp>
#include <memory>

#include "apps/ssgan/cli/commands.h"
#include "apps/ssgan/cli/flags.h"
#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/errors.h"

// The commands that read or make a checkpoint, but for train.

namespace gradus::ssgan {

void add_eval(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    RuntimeFlags runtime;
    std::string checkpoint;
    EvalRequest request;
  };
  CLI::App* app =
      add_command(program, "eval", "Accuracy of a checkpoint on test images",
                  "ssgan eval --checkpoint runs/first/checkpoints/step_00001375.safetensors");
  auto f = std::make_shared<Flags>();
  app->add_option("--checkpoint", f->checkpoint, "File to evaluate")->required();
  f->options.add_data(*app);
  f->runtime.add(*app);
  app->add_flag("--json", f->request.json, "Print the result as JSON");
  app->callback([f, &chosen] {
    chosen = [f] {
      EvalRequest& r = f->request;
      r.device = f->runtime.resolve();
      r.checkpoint = read_checkpoint(f->checkpoint);
      r.options = f->options.resolve(r.checkpoint.options);
      return eval(r);
    };
  });
}

void add_sample(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    RuntimeFlags runtime;
    std::string checkpoint;
    SampleRequest request;
  };
  CLI::App* app = add_command(program, "sample", "A grid of images from a checkpoint's generator",
                              "ssgan sample --checkpoint F.safetensors --out grid.png");
  auto f = std::make_shared<Flags>();
  app->add_option("--checkpoint", f->checkpoint, "File to sample from")->required();
  app->add_option("--out", f->request.out, "PNG to write")->required();
  CLI::Option* count = app->add_option("--count", f->request.count, "Images")
                           ->check(CLI::Range(2, 10000))
                           ->capture_default_str();
  app->add_option("--columns", f->request.columns, "Images a row")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app->add_option("--interpolate", f->request.interpolate,
                  "Instead, so many rows that lead from one noise vector to another, on the sphere")
      ->check(CLI::Range(1, 1000))
      ->excludes(count);
  app->add_option("--seed", f->options.seed, "Seed of the noise vectors")->check(a_seed());
  app->add_option("--stats", f->options.eval_stats,
                  "Batch norm: batch (as in training, the default) or running")
      ->check(CLI::IsMember(std::vector<std::string>{"batch", "running"}));
  f->runtime.add(*app);
  app->callback([f, &chosen] {
    chosen = [f] {
      SampleRequest& r = f->request;
      require<UsageError>(!r.interpolate || r.columns > 1,
                          "--interpolate: --columns 1 leaves no way from one vector to another");
      r.device = f->runtime.resolve();
      r.checkpoint = read_checkpoint(f->checkpoint);
      Options base = r.checkpoint.options;
      base.running_stats = false;
      r.options = f->options.resolve(base);
      return sample(r);
    };
  });
}

void add_import(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    ImportRequest request;
  };
  CLI::App* app = add_command(
      program, "import", "Make a checkpoint of weights that TensorFlow or PyTorch trained",
      "ssgan import --from checkpoints/model.ckpt --out imported.safetensors");
  auto f = std::make_shared<Flags>();
  app->add_option("--from", f->request.from,
                  "PREFIX of a TensorFlow checkpoint of the printed program (PREFIX.index), or a "
                  ".safetensors file in PyTorch's layouts")
      ->required();
  app->add_option("--out", f->request.out, "Checkpoint to write")->required();
  f->options.add_network(*app);
  f->options.add_data(*app);
  app->callback([f, &chosen] {
    chosen = [f] {
      if (!f->options.preset) f->options.preset = "tutorial";
      if (!f->options.data) f->options.data = "svhn";
      f->request.options = f->options.resolve();
      return import_checkpoint(f->request);
    };
  });
}

}  // namespace gradus::ssgan
