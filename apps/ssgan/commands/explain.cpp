#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/study_flags.h"
#include "apps/ssgan/say.h"
#include "apps/ssgan/study/explanation.h"
#include "apps/ssgan/utf8.h"
#include "tensor/file.h"

namespace gradus::ssgan {
namespace {

struct ExplainRequest {
  std::filesystem::path html;
  std::optional<int64_t> image;
  bool json = false;
};

/// Takes a step and tells it; kCheckFailed where its gradients are not what the formulas say.
int explain(const StudyFlags& study, const ExplainRequest& r) {
  const auto run = study.open();
  const StepRecord record = record_step(*run);
  const Explanation e = gradus::ssgan::explain(record, run->options(), run->train(), r.image);
  if (!r.html.empty()) {
    const std::string page = to_page(e, fmt::format("Step {} of {}", record.step, study.title()));
    write_file(r.html, std::string_view(page));
  }
  if (r.json)
    fmt::print("{}\n", to_json(e).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  else if (r.html.empty())
    fmt::print("{}", to_text(e));
  else
    fmt::print("{}\n", printable(r.html.string()));
  if (e.holds()) return kDone;
  say("explain: the gradients are not what the formulas say: {:.1e} from the bias's, {:.1e} from "
      "the formulas'\n",
      e.bias_error(), e.formula_error());
  return kCheckFailed;
}

}  // namespace

void add_explain(CLI::App& program, Chosen& chosen) {
  CLI::App* app = add_command(
      program, "explain", "One real training step, from noise to new weights, told for four images",
      "ssgan explain --run runs/first --step 700 --html step.html");
  auto study = std::make_shared<StudyFlags>();
  auto request = std::make_shared<ExplainRequest>();
  study->add(*app);
  app->add_option("--image", request->image,
                  "The real image in this row of the batch, from 0 on, instead of the first of its "
                  "kind")
      ->check(not_negative());
  app->add_option("--html", request->html, "Write it as a page, with pictures of the activations")
      ->check(ending_in(".html"));
  app->add_flag("--json", request->json, "Print it as JSON");
  app->callback([study, request, &chosen] {
    chosen = [study, request] { return explain(*study, *request); };
  });
}

}  // namespace gradus::ssgan
