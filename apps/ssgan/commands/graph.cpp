#include <CLI/CLI.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/study_flags.h"
#include "apps/ssgan/study/step_record.h"
#include "apps/ssgan/utf8.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

int graph(const StudyFlags& study, const std::filesystem::path& svg) {
  const auto run = study.open();
  const StepGraph graph = record_step(*run).graph;
  if (svg.empty()) {
    fmt::print("{}", to_dot(graph));
    return kDone;
  }
  write_file(svg, std::string_view(to_svg(graph)));
  fmt::print("{}\n", printable(svg.string()));
  return kDone;
}

}  // namespace

void add_graph(CLI::App& program, Chosen& chosen) {
  CLI::App* app = add_command(program, "graph",
                              "The tape of a training step as a picture, or as text for Graphviz",
                              "ssgan graph --preset tutorial --svg tape.svg");
  auto study = std::make_shared<StudyFlags>();
  auto svg = std::make_shared<std::filesystem::path>();
  study->add(*app);
  app->add_option("--svg", *svg, "Write the picture (else DOT text goes to stdout)")
      ->check(ending_in(".svg"));
  app->callback([study, svg, &chosen] { chosen = [study, svg] { return graph(*study, *svg); }; });
}

}  // namespace gradus::ssgan
