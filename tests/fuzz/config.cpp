#include <nlohmann/json.hpp>

#include "apps/ssgan/data/data_sets.h"
#include "apps/ssgan/run/run_checkpoints.h"
#include "apps/ssgan/run/run_plan.h"
#include "tests/fuzz/fuzz.h"

// config.json of a run, and the plan that a resume or a replay makes of it.

using namespace gradus;
using namespace gradus::fuzz;
using namespace gradus::ssgan;

namespace {

void run(std::string_view input) {
  static const ImageSet set = drawn_digits(300, Split::train, ZeroAs::klass);
  put("config.json", input);
  may_refuse([&] {
    Options o;
    may_refuse_file([&] { o = read_config(scratch().path()); });
    must(to_json(options_from_json(to_json(o))) == to_json(o), "the same options");
    RunPlan plan(o, set);
    for (const int64_t step : {int64_t{0}, plan.total_steps() / 2, plan.total_steps() - 1}) {
      const auto images = plan.images(step);
      for (const int32_t i : images.all) must(i >= 0 && i < set.count(), "an image of the set");
      (void)plan.lr(step);
      const int64_t count = static_cast<int64_t>(images.all.size());
      must(images.labelled >= 0 && images.labelled <= count, "the labelled stream");
      must(plan.count_labelled(images.all) <= count, "labelled ones");
    }
  });
}

const Harness harness("config", run);

}  // namespace
