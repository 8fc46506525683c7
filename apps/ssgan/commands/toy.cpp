#include "apps/ssgan/study/toy.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/commands/study_flags.h"
#include "apps/ssgan/utf8.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

struct ToyRequest {
  ToyOptions options;
  std::filesystem::path html;
};

int toy(const ToyRequest& r) {
  const Toy toy = train_toy(r.options);
  if (!r.html.empty()) {
    write_file(r.html, std::string_view(toy_page(toy, r.options)));
    fmt::print("{}\n", printable(r.html.string()));
  }
  const auto cell = [](double v) { return std::isnan(v) ? "-" : fmt::format("{:.4f}", v); };
  fmt::print("{:>6} {:>9} {:>8} {:>8} {:>8} {:>8}\n", "step", "accuracy", "d_class", "d_real",
             "d_fake", "g");
  for (size_t i = 0; i < toy.frames.size(); ++i) {
    const ToyFrame& f = toy.frames[i];
    if (i % 4 == 0 || i + 1 == toy.frames.size())
      fmt::print("{:>6} {:>9.4f} {:>8.4f} {:>8} {:>8} {:>8}\n", f.step, f.accuracy, f.d_class,
                 cell(f.d_real), cell(f.d_fake), cell(f.g));
  }
  if (r.options.extra_class)
    fmt::print("accuracy if \"generated\" is an answer, too: {:.4f}\n",
               toy.frames.back().accuracy_of_all);
  return kDone;
}

}  // namespace

void add_toy(CLI::App& program, Chosen& chosen) {
  CLI::App* app = add_command(program, "toy", "The same losses on points in the plane, in seconds",
                              "ssgan toy --html toy.html");
  auto r = std::make_shared<ToyRequest>();
  app->add_option("--html", r->html, "Write a page with a slider over the training")
      ->check(ending_in(".html"));
  app->add_option("--shape", r->options.shape, "The classes: moons or rings")
      ->check(one_of({"moons", "rings"}))
      ->capture_default_str();
  app->add_option("--g-loss", r->options.g_loss,
                  "The generator's: match (features), fool (the discriminator), both, or none: no "
                  "generator, the labelled points alone")
      ->check(one_of({"match", "fool", "both", "none"}))
      ->capture_default_str();
  app->add_option("--extra-class", r->options.extra_class,
                  "1: a logit of its own for generated points")
      ->check(CLI::Range(0, 1))
      ->capture_default_str();
  app->add_option("--class-loss", r->options.class_loss,
                  "With that logit: over all logits, or over those of the real classes")
      ->check(one_of({"all", "real"}))
      ->capture_default_str();
  app->add_option("--steps", r->options.steps, "Training steps")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app->add_option("--labels", r->options.labels, "Labelled points a class")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app->add_option("--seed", r->options.seed, "Seed of points, weights and noise")
      ->check(a_seed())
      ->capture_default_str();
  app->callback([r, &chosen] { chosen = [r] { return toy(*r); }; });
}

}  // namespace gradus::ssgan
