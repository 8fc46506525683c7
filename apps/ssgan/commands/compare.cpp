#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/comparison.h"

namespace gradus::ssgan {

int compare(const CompareRequest& r) {
  const std::vector<Comparison> all = compare_with_case(load_safetensors(r.actual), r.case_dir);
  int over = 0, bad = 0, compared = 0;
  nlohmann::ordered_json rows = nlohmann::json::array();
  for (const Comparison& c : all) {
    const bool is_over = c.problem.empty() && !c.skipped && !(c.error <= r.tolerance);
    over += is_over;
    bad += !c.problem.empty();
    compared += c.problem.empty() && !c.skipped;
    if (r.json)
      rows.push_back(
          {{"name", c.name}, {"error", c.error}, {"skipped", c.skipped}, {"problem", c.problem}});
    else if (!c.problem.empty())
      fmt::print("{:40}  {}\n", c.name, c.problem);
    else if (c.skipped)
      fmt::print("{:40}  not compared: rounding noise\n", c.name);
    else
      fmt::print("{:40}  {:.2e}{}\n", c.name, c.error, is_over ? "  over" : "");
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

}  // namespace gradus::ssgan
