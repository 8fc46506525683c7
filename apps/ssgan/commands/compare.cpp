#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/golden/comparison.h"
#include "apps/ssgan/utf8.h"

namespace gradus::ssgan {
namespace {

struct CompareRequest {
  std::filesystem::path actual;    ///< what `ssgan step` wrote
  std::filesystem::path case_dir;  ///< expected.safetensors and case.json
  double tolerance = 1e-12;        ///< of Comparison::error
  bool json = false;
};

/// Prints each tensor's error; kBadData where one is missing or misshapen, else kCheckFailed where
/// one is above the tolerance.
int compare(const CompareRequest& r) {
  const std::vector<Comparison> all = compare_with_case(load_safetensors(r.actual), r.case_dir);
  int over = 0, bad = 0, compared = 0;
  nlohmann::ordered_json rows = nlohmann::json::array();
  for (const Comparison& c : all) {
    const std::string name = printable(c.name);
    const bool is_over = c.problem.empty() && !c.skipped && !(c.error <= r.tolerance);
    over += is_over;
    bad += !c.problem.empty();
    compared += c.problem.empty() && !c.skipped;
    if (r.json)
      rows.push_back(
          {{"name", c.name}, {"error", c.error}, {"skipped", c.skipped}, {"problem", c.problem}});
    else if (!c.problem.empty())
      fmt::print("{:40}  {}\n", name, c.problem);
    else if (c.skipped)
      fmt::print("{:40}  not compared: rounding noise\n", name);
    else
      fmt::print("{:40}  {:.2e}{}\n", name, c.error, is_over ? "  over" : "");
  }
  if (r.json)
    fmt::print("{}\n",
               nlohmann::ordered_json{
                   {"tolerance", r.tolerance}, {"over", over}, {"bad", bad}, {"tensors", rows}}
                   .dump(2));
  else
    fmt::print("{} tensors compared, {} over {:g}, {} missing or misshapen\n", compared, over,
               r.tolerance, bad);
  return bad ? kBadData : over ? kCheckFailed : kDone;
}

}  // namespace

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

}  // namespace gradus::ssgan
