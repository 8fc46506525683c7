#include "apps/ssgan/export/export.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/run/run_checkpoints.h"
#include "apps/ssgan/utf8.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

struct ExportRequest {
  Checkpoint checkpoint;
  Options options;
  std::string format, network = "discriminator";
  std::filesystem::path out;
};

/// Writes the networks for other programs.
int export_networks(const ExportRequest& r) {
  require<UsageError>(
      r.format == "safetensors" || r.options.network.architecture == Architecture::tutorial,
      "--format {}: {} has the networks salimans2016, which only --format safetensors writes",
      r.format, r.checkpoint.path.string());
  if (r.format == "onnx") {
    require_statistics(r.checkpoint, r.options);
    require<UsageError>(has_gan(r.options) || r.network != "generator",
                        "--network generator: {} is of a run that trains none",
                        r.checkpoint.path.string());
    const Statistics statistics = r.options.running_stats ? Statistics::running : Statistics::batch;
    write_file(r.out, r.network == "generator" ? generator_onnx(r.checkpoint, statistics)
                                               : discriminator_onnx(r.checkpoint, statistics));
  } else {
    save_safetensors(
        r.out, r.format == "pytorch" ? pytorch_weights(r.checkpoint) : plain_weights(r.checkpoint));
  }
  fmt::print("{}\n", printable(r.out.string()));
  return kDone;
}

}  // namespace

void add_export(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    std::string checkpoint;
    ExportRequest request;
  };
  CLI::App* app = add_command(program, "export", "Write the networks for other programs",
                              "ssgan export --checkpoint runs/first --format onnx --out d.onnx");
  auto f = std::make_shared<Flags>();
  app->add_option("--checkpoint", f->checkpoint, "File, or a run's folder: its newest")->required();
  app->add_option("--format", f->request.format,
                  "onnx (one network, ready to run), pytorch or safetensors (the weights of both, "
                  "in PyTorch's layouts or ours)")
      ->required()
      ->check(one_of({"onnx", "pytorch", "safetensors"}));
  CLI::Option* network = app->add_option("--network", f->request.network, "onnx: which of the two")
                             ->check(one_of({"discriminator", "generator"}))
                             ->capture_default_str();
  app->add_option("--out", f->request.out, "File to write")->required();
  f->options.add_evaluation(*app);
  app->callback([f, network, &chosen] {
    chosen = [f, network] {
      ExportRequest& r = f->request;
      require<UsageError>(
          r.format == "onnx" || (network->count() == 0 && !f->options.eval_stats),
          "--format {}: the weights of both networks, whatever they are used for; --network and "
          "--eval-stats belong to onnx",
          r.format);
      r.checkpoint = read_named(f->checkpoint);
      r.options = f->options.resolve(r.checkpoint.options);
      use_average(r.checkpoint, r.options);
      return export_networks(r);
    };
  });
}

}  // namespace gradus::ssgan
