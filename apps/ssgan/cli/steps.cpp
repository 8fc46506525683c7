#include <CLI/CLI.hpp>
#include <memory>

#include "apps/ssgan/cli/commands.h"
#include "apps/ssgan/cli/flags.h"
#include "apps/ssgan/commands/commands.h"

// The commands that look at single steps and at the networks.

namespace gradus::ssgan {

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
      ->check(CLI::IsMember(std::vector<std::string>{"f32", "f64"}))
      ->capture_default_str();
  app->callback([f, &chosen] {
    chosen = [f] {
      StepRequest& r = f->request;
      r.device = f->runtime.resolve();
      r.dtype = f->dtype == "f64" ? DType::f64 : DType::f32;
      r.options = f->options.resolve();
      r.options.data = "svhn";
      return step(r);
    };
  });
}

void add_replay(CLI::App& program, Chosen& chosen) {
  struct Flags {
    RuntimeFlags runtime;
    ReplayRequest request;
  };
  CLI::App* app =
      add_command(program, "replay", "Repeat one step of a run and write down every tensor",
                  "ssgan replay --run runs/first --step 700 --out step700.safetensors");
  auto f = std::make_shared<Flags>();
  app->add_option("--run", f->request.run, "Run folder")->required();
  app->add_option("--step", f->request.step, "Which step; 1 is the first")->required();
  app->add_option("--out", f->request.out, "File to write")->required();
  app->add_option("--data-dir", f->request.data_dir, "Folder of the data, where it has moved");
  f->runtime.add(*app);
  app->callback([f, &chosen] {
    chosen = [f] {
      f->request.device = f->runtime.resolve();
      return replay(f->request);
    };
  });
}

void add_compare(CLI::App& program, Chosen& chosen) {
  CLI::App* app =
      add_command(program, "compare", "Compare what step wrote with another program's numbers",
                  "ssgan compare O.safetensors golden/small --tolerance 1e-12");
  auto r = std::make_shared<CompareRequest>();
  app->add_option("actual", r->actual, "File that step wrote")->required();
  app->add_option("case", r->case_dir, "Folder with expected.safetensors and case.json")
      ->required();
  app->add_option("--tolerance", r->tolerance, "Largest relative error")
      ->check(not_negative())
      ->capture_default_str();
  app->add_flag("--json", r->json, "Print the result as JSON");
  app->callback([r, &chosen] { chosen = [r] { return compare(*r); }; });
}

void add_bench(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    RuntimeFlags runtime;
    BenchRequest request;
  };
  CLI::App* app = add_command(program, "bench", "Time a training step",
                              "ssgan bench --preset tutorial --threads 2 --batch-size 128 --json");
  auto f = std::make_shared<Flags>();
  f->options.add_network(*app);
  app->add_option("--batch-size", f->options.batch_size, "Real images a step, and noise vectors")
      ->check(CLI::Range(2, 1 << 20));
  app->add_flag("--no-unlabeled", f->options.no_unlabeled, "The supervised baseline's step");
  app->add_option("--steps", f->request.steps, "Steps to time")
      ->check(CLI::Range(3, 1000000))
      ->capture_default_str();
  f->runtime.add(*app);
  app->add_flag("--json", f->request.json, "Print the result as JSON");
  app->add_flag("--profile", f->request.profile, "Print the time of each kernel too (on the CPU)")
      ->excludes("--json");
  app->callback([f, &chosen] {
    chosen = [f] {
      f->request.device = f->runtime.resolve();
      f->request.options = f->options.resolve();
      return bench(f->request);
    };
  });
}

void add_summary(CLI::App& program, Chosen& chosen) {
  struct Flags {
    OptionFlags options;
    SummaryRequest request;
  };
  CLI::App* app = add_command(program, "summary", "The networks, layer by layer",
                              "ssgan summary --preset tutorial");
  auto f = std::make_shared<Flags>();
  f->options.add_network(*app);
  app->add_flag("--json", f->request.json, "Print the result as JSON");
  app->callback([f, &chosen] {
    chosen = [f] {
      f->request.options = f->options.resolve();
      return summary(f->request);
    };
  });
}

void add_explain(CLI::App& program, Chosen& chosen) {
  add_command(program, "explain",
              "Where the printed program departs from its prose, and the switches", "ssgan explain")
      ->callback([&chosen] { chosen = explain; });
}

}  // namespace gradus::ssgan
