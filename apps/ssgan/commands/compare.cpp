#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/golden.h"

namespace gradus::ssgan {

int compare(const std::filesystem::path& actual, const std::filesystem::path& case_dir,
            double tolerance, bool json) {
  const std::vector<Comparison> all = compare_with_case(load_safetensors(actual), case_dir);
  int over = 0, bad = 0, compared = 0;
  nlohmann::ordered_json rows = nlohmann::json::array();
  for (const Comparison& c : all) {
    const bool is_over = c.problem.empty() && !c.skipped && !(c.error <= tolerance);
    over += is_over;
    bad += !c.problem.empty();
    compared += c.problem.empty() && !c.skipped;
    if (json)
      rows.push_back(
          {{"name", c.name}, {"error", c.error}, {"skipped", c.skipped}, {"problem", c.problem}});
    else if (!c.problem.empty())
      fmt::print("{:40}  {}\n", c.name, c.problem);
    else if (c.skipped)
      fmt::print("{:40}  not compared: rounding noise\n", c.name);
    else
      fmt::print("{:40}  {:.2e}{}\n", c.name, c.error, is_over ? "  over" : "");
  }
  if (json)
    fmt::print("{}\n",
               nlohmann::ordered_json{
                   {"tolerance", tolerance}, {"over", over}, {"bad", bad}, {"tensors", rows}}
                   .dump(2));
  else
    fmt::print("{} tensors compared, {} over {:g}, {} missing or misshapen\n", compared, over,
               tolerance, bad);
  return bad ? kBadData : over ? kCheckFailed : kDone;
}

}  // namespace gradus::ssgan
