#include "apps/ssgan/run/run_folder.h"

#include "apps/ssgan/report/html.h"
#include "tests/fuzz/fuzz.h"

// The files in a run's folder, as the report reads them and a resumed run cuts them.

using namespace gradus;
using namespace gradus::fuzz;
using namespace gradus::ssgan;
namespace fs = std::filesystem;

namespace {

void run(std::string_view input) {
  const auto p = parts(input, 5);
  const fs::path folder = scratch() / "run";
  std::error_code ignored;
  fs::remove_all(folder / "tb", ignored);
  fs::create_directories(folder / "samples");
  put("run/metrics.jsonl", p[0]);
  put("run/epochs.csv", p[1]);
  put("run/summary.json", p[2]);
  put("run/config.json", p[3]);
  put("run/samples/epoch_000.png", p[4]);
  may_refuse_file([&] {
    write_report(folder);
    const std::string page = text_of(folder / "report.html");
    must(page.find("<script>alert") == page.npos && page.find("<img src=x") == page.npos,
         "no tag of the files' is in the page");
    size_t scripts = 0;  // its own: one or two
    for (size_t at = 0; (at = page.find("<script", at)) != page.npos; ++at) ++scripts;
    must(scripts <= 2, "no script of the files' is in the page");
  });
  may_refuse([&] {
    const RunStart start{.kind = RunStart::Kind::resume, .step = 7, .per_epoch = 3, .damaged = {}};
    RunFolder resumed(folder, preset("default"), {.threads = 1, .device = "cpu"}, start);
    for (const std::string& note : resumed.notes()) must(note.size() <= 4000, "a note is short");
    resumed.log("resumed");
    write_report(folder);
  });
}

const Harness harness("run_folder", run);

}  // namespace
