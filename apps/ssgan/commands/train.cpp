#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/ssgan/commands/commands.h"
#include "apps/ssgan/data.h"
#include "apps/ssgan/report/html.h"

namespace gradus::ssgan {
namespace {

nlohmann::ordered_json to_json(const RunSummary& s, const std::string& protocol) {
  return {{"protocol", protocol},
          {"steps", s.steps},
          {"seconds", s.seconds},
          {"train_accuracy", s.train_accuracy},
          {"test_accuracy", s.test_accuracy}};
}

RunFolder::Start start_of(const TrainRequest& r) {
  return r.resume      ? RunFolder::Start::resume
         : r.overwrite ? RunFolder::Start::overwrite
                       : RunFolder::Start::fresh;
}

/// The supervised baseline of the same options, below the run's folder.
RunSummary train_baseline(const TrainRequest& request, const ImageSet& train,
                          const ImageSet& test) {
  Options options = request.options;
  options.unlabeled = false;
  fmt::print(stderr, "baseline: the discriminator alone, on the labelled images, as many steps\n");
  Run run(options, request.settings, train, test);
  RunFolder folder(request.out / "baseline", options, RunFolder::Start::overwrite, 0);
  run.train(folder);
  write_report(folder.path());
  return run.summary();
}

int stop_early(const TrainRequest& request, const std::string& what) {
  write_report(request.out);
  fmt::print(stderr, "{}: go on with `ssgan train --resume --out {}{}`\n", what,
             request.out.string(), request.baseline ? " --baseline" : "");
  return kInterrupted;
}

void print_summary(const TrainRequest& r, const nlohmann::ordered_json& summary,
                   const RunSummary& s, bool complete) {
  fmt::print("run        {}\n", r.out.string());
  fmt::print("protocol   {}\n", summary["protocol"].get<std::string>());
  fmt::print("steps      {} in {}\n", s.steps, clock_time(s.seconds));
  if (std::isfinite(s.test_accuracy))
    fmt::print("accuracy   test {:.4f}, labelled training images {:.4f}{}\n", s.test_accuracy,
               s.train_accuracy, complete ? "" : " (at the end of the last whole epoch)");
  if (summary.contains("baseline_accuracy"))
    fmt::print("baseline   test {:.4f} (the discriminator alone, same labels, as many steps)\n",
               summary["baseline_accuracy"].get<double>());
  if (r.options.unlabeled && complete)
    fmt::print("samples    {}\n",
               (r.out / "samples" / fmt::format("epoch_{:03}.png", r.options.epochs - 1)).string());
  fmt::print("report     {}\n", (r.out / "report.html").string());
}

}  // namespace

int train(const TrainRequest& request) {
  const Options& o = request.options;
  fmt::print(request.dry_run ? stdout : stderr, "{}\n", gradus::ssgan::to_json(o).dump(2));
  if (request.dry_run) return kDone;
  RunFolder::require_startable(request.out, start_of(request));
  stop_on_interrupt();
  const ImageSet train_set = load_images(o, Split::train), test_set = load_images(o, Split::test);
  Run run(o, request.settings, train_set, test_set);
  if (request.resume) run.resume(*request.resume);
  RunFolder folder(request.out, o, start_of(request), run.step());
  const std::string protocol =
      fmt::format("{}; labels visible: {} ({}); {}{}", train_set.protocol, run.labelled_count(),
                  to_string(o.labels), test_set.protocol, zero_protocol(o));
  folder.log(protocol);
  fmt::print(stderr, "{}\n", protocol);

  run.train(folder);
  if (is_interrupted())
    return stop_early(request, fmt::format("interrupted after step {}", run.step()));
  const bool complete = run.step() == run.total_steps();
  auto summary = to_json(run.summary(), protocol);
  folder.summary(summary.dump(2) + "\n");
  if (complete && request.baseline && o.unlabeled) {
    const RunSummary baseline = train_baseline(request, train_set, test_set);
    if (is_interrupted()) return stop_early(request, "interrupted in the baseline");
    summary["baseline_accuracy"] = baseline.test_accuracy;
    folder.summary(summary.dump(2) + "\n");
  }
  write_report(request.out);
  print_summary(request, summary, run.summary(), complete);
  return kDone;
}

}  // namespace gradus::ssgan
