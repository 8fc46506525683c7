#include <cmath>
#include <memory>
#include <sstream>
#include <string>

#include "apps/ssgan/report/text_chart.h"
#include "apps/ssgan/run/run_lock.h"
#include "apps/ssgan/utf8.h"
#include "tests/catch.h"
#include "tests/environment.h"
#include "tests/program.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

// Curves of a run in a terminal, which another process draws.

using namespace gradus;
using namespace gradus::ssgan;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

int characters(const std::string& line) {
  int n = 0;
  for (const char c : line) n += (c & 0xC0) != 0x80;
  return n;
}

/// A finished run of three epochs.
struct Watched {
  SmallSvhn data;
  TempDir dir;
  fs::path run = dir / "run";
  Watched() {
    const ProgramResult r =
        run_program("train --baseline" + data.flags() + "--epochs 3 --out " + quoted(run));
    INFO(r.err);
    REQUIRE(r.status == 0);
  }
};

}  // namespace

TEST_CASE("watch: a curve in characters") {
  Series line{"", {}};
  for (int i = 0; i <= 7; ++i) line.points.push_back({double(i), double(i)});
  // Eight columns of one dot each, four rows of two: dot i of the line is in row (7 - i) / 2.
  CHECK(draw_text_chart("up", line, false, 11, 4, false) ==
        std::vector<std::string>{"up", "7 |      .'", "  |    .'", "  |  .'", "0 |.'",
                                 "   0      7"});
  const auto braille = draw_text_chart("up", line, false, 20, 3, true);
  REQUIRE(braille.size() == 5);
  for (const std::string& text : braille) {
    CHECK(is_utf8(text));
    CHECK(characters(text) <= 20);
  }
  CHECK_THAT(braille[3], ContainsSubstring("0 │⣀"));
  CHECK(draw_text_chart("flat", {"", {{3, 0.5}}}, true, 30, 2, false).size() >= 3);
  // Beyond what doubles can tell apart or subtract.
  const Series far{"", {{-1e308, 1}, {1e308, 2}, {1, -1e308}, {2, 1e308}, {0x1p60, 1}}};
  CHECK(draw_text_chart("far", far, false, 30, 2, false).empty());
  CHECK(draw_text_chart("large", {"", {{0, -1e300}, {1, 1e300}}}, false, 30, 2, false).size() == 4);
  CHECK(draw_text_chart("none", {"", {{3, NAN}, {NAN, 1}}}, true, 30, 2, false).empty());
}

TEST_CASE("watch: a run that is over is shown once") {
  const Watched w;
  for (const char* once : {"", " --once"}) {
    const ProgramResult r = run_program("watch " + quoted(w.run) + once,
                                        {.environment = {{"LC_ALL", "C"}, {"TERM", "dumb"}}});
    INFO(r.out << r.err);
    REQUIRE(r.status == 0);
    for (const char* part : {"complete  step 15 of 15", "epoch 2  test 0.", "baseline, epoch ",
                             "test accuracy by epoch", "generator's loss by step"})
      CHECK_THAT(r.out, ContainsSubstring(part));
    CHECK(r.out.find('\033') == r.out.npos);
    for (const char c : r.out) CHECK(static_cast<unsigned char>(c) < 0x80);
  }
  const ProgramResult utf8 =
      run_program("watch --once " + quoted(w.run), {.environment = {{"LC_ALL", "C.UTF-8"}}});
  CHECK_THAT(utf8.out, ContainsSubstring("│"));
  for (const std::string& line : lines_of(utf8.out)) CHECK(characters(line) <= 80);
  for (const auto& [locale, speaks] :
       {std::pair{"en_US.utf-8", true}, {"de_DE.UTF8", true}, {"en_US.ISO-8859-1", false}}) {
    const Environment all("LC_ALL", nullptr), type("LC_CTYPE", nullptr), lang("LANG", locale);
    CHECK(speaks_utf8() == speaks);
  }
}

TEST_CASE("watch: a folder that holds no run") {
  const TempDir dir;
  for (const std::string& path : {(dir / "none").string(), dir.path().string()}) {
    const ProgramResult r = run_program("watch " + path);
    CHECK(r.status == 3);
    CHECK_THAT(r.err, ContainsSubstring(path + ": no run is there"));
  }
}

TEST_CASE("watch: it goes on as long as somebody writes the run") {
  const Watched w;
  auto lock = std::make_unique<RunLock>(w.run);
  CHECK(RunLock::is_held(w.run));
  // The lock goes when the program has shown the run.
  const ProgramResult r =
      run_program("watch " + quoted(w.run), {.meanwhile = [&](pid_t, const ProgramResult& so_far) {
                    if (so_far.out.find('\n') != so_far.out.npos) lock.reset();
                  }});
  CHECK(r.status == 0);
  CHECK(!RunLock::is_held(w.run));
  const auto lines = lines_of(r.out);
  REQUIRE(lines.size() > 3);
  CHECK(lines[0].starts_with("epoch 2  test"));  // where the cursor cannot be moved, an epoch
  CHECK(lines[1].starts_with("complete  step 15"));
}
