#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <ctime>
#include <iostream>

#include "apps/ssgan/checkpoint.h"
#include "apps/ssgan/cli.h"
#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/version.h"

namespace gradus::ssgan {
namespace {

bool use_color(const std::string& choice) {
  if (choice != "auto") return choice == "always";
  const char *no_color = std::getenv("NO_COLOR"), *term = std::getenv("TERM");
  return isatty(STDERR_FILENO) && !(no_color && *no_color) && term &&
         std::string_view(term) != "dumb";
}

std::string default_run_name(const Options& o) {
  char time[32];
  const std::time_t now = std::time(nullptr);
  std::strftime(time, sizeof time, "%Y-%m-%d_%H%M%S", std::localtime(&now));
  return fmt::format("runs/{}-{}-{}{}", time, o.data, o.preset, o.unlabeled ? "" : "-supervised");
}

/// The subcommands; each keeps its flags alive and sets `run` when it was chosen.
class Program {
 public:
  Program() : app_("Trains the semi-supervised GAN of a tutorial on SVHN.", "ssgan") {
    app_.set_version_flag("--version", version);
    app_.require_subcommand(1);
    add_train();
    add_eval();
    add_sample();
    add_step();
    add_replay();
    add_import();
    add_compare();
    add_bench();
    add("explain", "Where the printed program departs from its prose, and the switches",
        "ssgan explain")
        ->callback([this] { run_ = [] { return explain(); }; });
  }

  int main(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
      if (app_.get_subcommands().empty() && !app_.remaining().empty())
        throw UsageError(fmt::format("{}: no such command; `ssgan --help` lists them",
                                     app_.remaining().front()));
      return app_.exit(e) ? kUsage : kDone;
    }
    return run_();
  }

 private:
  CLI::App* add(const std::string& name, const std::string& description,
                const std::string& example) {
    CLI::App* app = app_.add_subcommand(name, description);
    app->footer("Example:\n  " + example);
    return app;
  }

  void add_train() {
    CLI::App* app = add("train", "Train the networks; writes a run folder",
                        "ssgan train --data svhn --data-dir ~/svhn --epochs 25 --out runs/first");
    flags_.add_network(*app);
    flags_.add_training(*app);
    flags_.add_data(*app);
    runtime_.add(*app);
    app->add_option("--out", out_, "Run folder (else a new one below runs/)");
    app->add_option("--resume", resume_, "Go on from a checkpoint, or from the newest one in --out")
        ->expected(0, 1)
        ->default_str("auto");
    app->add_flag("--overwrite", train_.overwrite, "Replace the run in --out");
    app->add_flag("--baseline", train_.baseline,
                  "Afterwards train D on the labelled images alone, for comparison");
    app->add_flag("--dry-run", train_.dry_run, "Print the configuration and stop");
    app->add_option("--max-steps", train_.max_steps, "Stop after so many steps in all")
        ->check(a_count());
    app->add_option("--log-every", train_.log_every, "Steps between progress lines")
        ->check(a_count())
        ->capture_default_str();
    app->add_option("--save-every", train_.save_every,
                    "Steps between checkpoints (else every five epochs)")
        ->check(a_count());
    app->callback(
        [this, app] { run_ = [this, app] { return run_train(app->count("--resume") > 0); }; });
  }

  int run_train(bool resume) {
    train_.device = runtime_.resolve();
    train_.color = use_color(runtime_.color);
    if (resume) {
      train_.options = resumed_options();
    } else {
      train_.options = flags_.resolve();
    }
    train_.out = out_.empty() ? default_run_name(train_.options) : out_;
    return train(train_);
  }

  /// Finds the checkpoint and the run folder that --resume means.
  Options resumed_options() {
    if (train_.overwrite)
      throw UsageError("--overwrite and --resume: one of them, they ask for opposite things");
    const bool newest = resume_.empty() || resume_ == "auto";
    if (newest && out_.empty())
      throw UsageError("--resume: name a checkpoint, or the run's folder with --out");
    const std::filesystem::path path =
        newest ? newest_checkpoint(out_) : std::filesystem::path(resume_);
    const Checkpoint c = read_checkpoint(path);
    const auto run = run_of(path);
    if (out_.empty() && !run)
      throw UsageError(fmt::format("--resume {}: it lies in no run's folder; name one with --out",
                                   path.string()));
    if (out_.empty()) out_ = run->string();
    const Options options = flags_.resolve(c.options);
    require_same_network(path, c.options, options);
    if (continues_run(path, c.step, out_)) require_same_run(path, c.options, options);
    train_.resume = path;
    return options;
  }

  void add_eval() {
    CLI::App* app = add("eval", "Accuracy of a checkpoint on test images",
                        "ssgan eval --checkpoint runs/first/checkpoints/step_00001375.safetensors");
    app->add_option("--checkpoint", checkpoint_, "File to evaluate")->required();
    flags_.add_data(*app);
    runtime_.add(*app);
    app->add_flag("--json", eval_.json, "Print the result as JSON");
    app->callback([this] {
      run_ = [this] {
        eval_.device = runtime_.resolve();
        eval_.checkpoint = checkpoint_;
        eval_.options = flags_.resolve(read_checkpoint(checkpoint_).options);
        return eval(eval_);
      };
    });
  }

  void add_sample() {
    CLI::App* app = add("sample", "A grid of images from a checkpoint's generator",
                        "ssgan sample --checkpoint F.safetensors --out grid.png");
    app->add_option("--checkpoint", checkpoint_, "File to sample from")->required();
    app->add_option("--out", out_, "PNG to write")->required();
    app->add_option("--count", sample_.count, "Images")
        ->check(CLI::Range(2, 10000))
        ->capture_default_str();
    app->add_option("--columns", sample_.columns, "Images a row")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app->add_option("--seed", flags_.seed, "Seed of the noise vectors")->check(not_negative());
    app->add_option("--stats", flags_.eval_stats,
                    "Batch norm: batch (as in training, the default) or running")
        ->check(CLI::IsMember(std::vector<std::string>{"batch", "running"}));
    runtime_.add(*app);
    app->callback([this] {
      run_ = [this] {
        sample_.device = runtime_.resolve();
        sample_.checkpoint = checkpoint_;
        sample_.out = out_;
        Options base = read_checkpoint(checkpoint_).options;
        base.running_stats = false;
        sample_.options = flags_.resolve(base);
        return sample(sample_);
      };
    });
  }

  void add_step() {
    CLI::App* app = add("step", "Run given steps and write down every tensor",
                        "ssgan step --preset tutorial --weights W --batch B --out O --dtype f64");
    flags_.add_network(*app);
    flags_.add_data(*app);
    runtime_.add(*app);
    app->add_option("--weights", step_.weights, "Parameters by name")->required();
    app->add_option("--batch", step_.batch, "x and y or index, label_mask, z, lr")->required();
    app->add_option("--out", step_.out, "File to write")->required();
    app->add_option("--max-steps", step_.max_steps, "Run the first steps alone")->check(a_count());
    app->add_option("--dtype", dtype_, "f32 or f64")
        ->check(CLI::IsMember(std::vector<std::string>{"f32", "f64"}))
        ->capture_default_str();
    app->callback([this] {
      run_ = [this] {
        step_.device = runtime_.resolve();
        step_.dtype = dtype_ == "f64" ? DType::f64 : DType::f32;
        step_.options = flags_.resolve();
        step_.options.data = "svhn";
        return step(step_);
      };
    });
  }

  void add_replay() {
    CLI::App* app = add("replay", "Repeat one step of a run and write down every tensor",
                        "ssgan replay --run runs/first --step 700 --out step700.safetensors");
    app->add_option("--run", replay_.run, "Run folder")->required();
    app->add_option("--step", replay_.step, "Which step; 1 is the first")->required();
    app->add_option("--out", replay_.out, "File to write")->required();
    app->add_option("--data-dir", replay_.data_dir, "Folder of the data, where it has moved");
    runtime_.add(*app);
    app->callback([this] {
      run_ = [this] {
        replay_.device = runtime_.resolve();
        return replay(replay_);
      };
    });
  }

  void add_import() {
    CLI::App* app = add("import", "Make a checkpoint of weights that TensorFlow or PyTorch trained",
                        "ssgan import --from checkpoints/model.ckpt --out imported.safetensors");
    app->add_option("--from", import_.from,
                    "PREFIX of a TensorFlow checkpoint of the printed program (PREFIX.index), or a "
                    ".safetensors file in PyTorch's layouts")
        ->required();
    app->add_option("--out", import_.out, "Checkpoint to write")->required();
    flags_.add_network(*app);
    flags_.add_data(*app);
    app->callback([this] {
      run_ = [this] {
        if (!flags_.preset) flags_.preset = "tutorial";
        if (!flags_.data) flags_.data = "svhn";
        import_.options = flags_.resolve();
        return import_checkpoint(import_);
      };
    });
  }

  void add_compare() {
    CLI::App* app = add("compare", "Compare what step wrote with another program's numbers",
                        "ssgan compare O.safetensors golden/small --tolerance 1e-12");
    app->add_option("actual", checkpoint_, "File that step wrote")->required();
    app->add_option("case", case_dir_, "Folder with expected.safetensors and case.json")
        ->required();
    app->add_option("--tolerance", tolerance_, "Largest relative error")->capture_default_str();
    app->add_flag("--json", bench_.json, "Print the result as JSON");
    app->callback([this] {
      run_ = [this] { return compare(checkpoint_, case_dir_, tolerance_, bench_.json); };
    });
  }

  void add_bench() {
    CLI::App* app = add("bench", "Time a training step",
                        "ssgan bench --preset tutorial --threads 2 --batch-size 128 --json");
    flags_.add_network(*app);
    app->add_option("--batch-size", flags_.batch_size, "Real images a step, and noise vectors")
        ->check(CLI::Range(2, 1 << 20));
    app->add_flag("--no-unlabeled", flags_.no_unlabeled, "The supervised baseline's step");
    app->add_option("--steps", bench_.steps, "Steps to time")
        ->check(CLI::Range(3, 1000000))
        ->capture_default_str();
    runtime_.add(*app);
    app->add_flag("--json", bench_.json, "Print the result as JSON");
    app->callback([this] {
      run_ = [this] {
        bench_.device = runtime_.resolve();
        bench_.options = flags_.resolve();
        return bench(bench_);
      };
    });
  }

  CLI::App app_;
  std::function<int()> run_;
  OptionFlags flags_;
  RuntimeFlags runtime_;
  TrainRequest train_;
  EvalRequest eval_;
  SampleRequest sample_;
  StepCommand step_;
  ReplayRequest replay_;
  BenchRequest bench_;
  ImportRequest import_;
  std::string out_, resume_, checkpoint_, case_dir_, dtype_ = "f32";
  double tolerance_ = 1e-12;
};

/// libgomp's threads spin while they wait, by default for long, and with other processes on the
/// cores a step then takes several times as long; not to spin at all costs a tenth on quiet ones.
/// It reads the setting when it is loaded, before main, so the program sets it and starts itself
/// again. What the user has set stays.
void spin_briefly(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT")) return;
  setenv("GOMP_SPINCOUNT", "1000", 1);
  execv("/proc/self/exe", argv);  // returns only where it fails: then with spinning
}

int guarded_main(int argc, char** argv) {
  try {
    return Program().main(argc, argv);
  } catch (const UsageError& e) {
    fmt::print(stderr, "ssgan: {}\n", e.what());
    return kUsage;
  } catch (const DataError& e) {
    fmt::print(stderr, "ssgan: {}\n", e.what());
    return kBadData;
  } catch (const NotFinite& e) {
    fmt::print(stderr, "ssgan: {}\n", e.what());
    return kNotFinite;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "ssgan: out of memory\n");
    return kFailed;
  } catch (const std::exception& e) {
    fmt::print(stderr, "ssgan: {}\n", e.what());
    return kFailed;
  }
}

}  // namespace
}  // namespace gradus::ssgan

int main(int argc, char** argv) {
  gradus::ssgan::spin_briefly(argv);
  std::signal(SIGXFSZ, SIG_IGN);  // a file too large is then an error like a full disk
  std::signal(SIGPIPE, SIG_IGN);
  const int status = gradus::ssgan::guarded_main(argc, argv);
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return status;
  fmt::print(stderr, "ssgan: the results could not be written to stdout\n");
  return status ? status : gradus::ssgan::kFailed;
}
