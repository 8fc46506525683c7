#include "apps/ssgan/commands/study_flags.h"

#include <CLI/CLI.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/errors.h"

namespace gradus::ssgan {

void StudyFlags::add(CLI::App& app) {
  app.add_option("--run", run_, "Run folder (else fresh weights, before their first step)");
  app.add_option(
         "--step", step_,
         "Which step of the run; 1 is the first (else the one that follows its newest checkpoint)")
      ->check(a_count())
      ->needs("--run");
  options_.add_data_set(app);
  options_.add_labels(app);
  options_.add_network(app);
  for (CLI::Option* o : app.get_options())
    for (const char* of_a_run :
         {"--data", "--labels", "--seed", "--preset", "--image-size", "--test-fraction",
          "--extra-class", "--class-loss", "--g-size-mult", "--d-size-mult", "--zero-as",
          "--dropout", "--drop-rate", "--relu2", "--dead-layers"})
      if (o->check_name(of_a_run)) o->excludes("--run");
  runtime_.add(app);
}

std::unique_ptr<RunAt> StudyFlags::open() const {
  const Device device = runtime_.resolve();
  if (run_.empty()) return std::make_unique<RunAt>(options_.resolve({}, "mended"), device);
  return std::make_unique<RunAt>(run_, step_, options_.data_dir.value_or(""), device);
}

std::string StudyFlags::title() const {
  if (run_.empty()) return "fresh weights";
  return std::filesystem::weakly_canonical(run_).filename().string();
}

CLI::Validator ending_in(const std::string& extension) {
  return CLI::Validator(
      [extension](const std::string& name) {
        const std::string own = std::filesystem::path(name).extension().string();
        return own.empty() || own == extension
                   ? ""
                   : fmt::format("{}: expected a name {}", name, extension);
      },
      "");
}

}  // namespace gradus::ssgan
