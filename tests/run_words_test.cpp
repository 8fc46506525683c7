#include <sys/ioctl.h>

#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "apps/ssgan/options.h"
#include "apps/ssgan/report/html.h"
#include "apps/ssgan/run/checkpoint.h"
#include "apps/ssgan/run/progress.h"
#include "apps/ssgan/run/shell.h"
#include "apps/ssgan/utf8.h"
#include "tests/catch.h"
#include "tests/program.h"
#include "tests/small_folder.h"
#include "tests/small_svhn.h"
#include "tests/temp_dir.h"

// What a run says, to whom, and that it can be used as it stands.

using namespace gradus;
using namespace gradus::ssgan;
namespace fs = std::filesystem;

namespace {

/// What a shell makes of the words behind `printf %s`.
std::string through_shell(const std::string& word) {
  std::string out;
  FILE* pipe = ::popen(("bash -c 'printf %s \"$1\"' - " + for_shell(word)).c_str(), "r");
  REQUIRE(pipe);
  for (int c; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  ::pclose(pipe);
  return out;
}

fs::path last_checkpoint(const fs::path& run) {
  return run / "checkpoints" / "step_00000005.safetensors";
}

}  // namespace

TEST_CASE("words: a word for a shell comes through it as it was") {
  for (const std::string word : {"runs/first", "two words", "it's", "$HOME `id` \\ \"x\"", "-n",
                                 "~", "a;b&c|d<e>f(g)h*i?j[k]l!m#n", "\xff\xfe", "é"}) {
    CHECK(through_shell(word) == word);
  }
  CHECK(for_shell("runs/first") == "runs/first");
  CHECK(for_shell("a\nb\033[1m'c\\") == "$'a\\012b\\033[1m\\047c\\134'");
}

TEST_CASE("words: control characters and what is not UTF-8 are shown, not obeyed") {
  CHECK(printable("caf\u00e9\n\tx") == "caf\u00e9\n\tx");
  CHECK(printable("\033[31mred\r\b\x7f") == "\\x1b[31mred\\x0d\\x08\\x7f");
  CHECK(printable("\xc2\x9b"
                  "31m") == "\\xc2\\x9b31m");  // CSI as one character
  CHECK(printable("\xff\xc3") == "\\xff\\xc3");
  for (const char* wrong : {"\xff", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                            "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80"}) {
    CHECK(!is_utf8(wrong));
    CHECK(is_utf8(as_utf8(wrong)));
  }
  for (const char* right : {"", "a", "\u00e9", "\u20ac", "\U0001F600", "\uD7FF", "\U0010FFFF"})
    CHECK(is_utf8(right));
  CHECK(as_utf8("a\xff"
                "b") == "a\uFFFDb");
}

TEST_CASE("words: a path of any bytes comes back from JSON") {
  for (const std::string path : {"/tmp/a", "/tmp/\xff\xfe x%41", "file:///x", "/\u00e9"}) {
    Options o;
    o.data_dir = path;
    const std::string text = to_json(o).dump();
    CHECK(options_from_json(nlohmann::ordered_json::parse(text)).data_dir == path);
  }
}

TEST_CASE("words: the parts of a line that there is room for") {
  const std::vector<std::string> parts{"epoch   0", "test 0.5000", "train 0.25"};
  CHECK(fitted(parts, 80) == "epoch   0  test 0.5000  train 0.25");
  CHECK(fitted(parts, 34) == "epoch   0  test 0.5000  train 0.25");
  CHECK(fitted(parts, 33) == "epoch   0  test 0.5000");
  CHECK(fitted(parts, 12) == "epoch   0");
  CHECK(fitted(parts, 4) == "epoc");
}

TEST_CASE("words: lines are folded between words") {
  const std::string text = "data       three words more\nlonger-than-that x\n";
  CHECK(folded(text, 0, 11) == text);
  CHECK(folded(text, 80, 11) == text);
  CHECK(folded(text, 22, 5) == "data       three words\n     more\nlonger-than-that x\n");
  CHECK(folded(text, 16, 2) == "data       three\n  words more\nlonger-than-that\n  x\n");
  CHECK(folded("\u00e9\u00e9\u00e9 a b", 7, 0) == "\u00e9\u00e9\u00e9 a b\n");
  CHECK(folded("\u00e9\u00e9\u00e9 a b", 5, 0) == "\u00e9\u00e9\u00e9 a\nb\n");
}

TEST_CASE("words: the first screen is five lines, by switches that make the same run") {
  const SmallSvhn data;
  const TempDir dir;
  const ProgramResult r = run_program(
      "train" + data.flags() + "--no-unlabeled --lr .002 --epochs 1 --out " + quoted(dir / "run"));
  INFO(r.err);
  REQUIRE(r.status == 0);
  const size_t at = r.err.find("trains     a discriminator, on the labelled images alone\n");
  REQUIRE(at != r.err.npos);
  const std::string screen = r.err.substr(at, r.err.find("epochs count from 0") - at);
  CHECK(std::ranges::count(screen, '\n') == 5);
  CHECK_THAT(screen, ContainsSubstring(" --no-unlabeled") && ContainsSubstring(" --lr 0.002") &&
                         ContainsSubstring(" --epochs 1") &&
                         ContainsSubstring("\ndata       svhn: "));
  const size_t flags = screen.find(" --");
  const std::string images = data.flags().substr(0, data.flags().find(" --batch-size"));
  const std::string again = run_program("train --dry-run" + images +
                                        screen.substr(flags, screen.find('\n', flags) - flags))
                                .out;
  CHECK(nlohmann::json::parse(again) ==
        nlohmann::json::parse(
            run_program("train --dry-run" + data.flags() + "--no-unlabeled --lr .002 --epochs 1")
                .out));
}

TEST_CASE("words: the time left counts evaluations and the baseline") {
  Workload work{0, 100, 10, 20, 200, 0};
  TimeLeft left(work);
  CHECK(left.after(0) == 0);
  left.steps(5, 10);  // 2 s a step
  left.evaluation(3);
  CHECK(left.after(5) == 95 * 2 + 10 * 3);
  CHECK(left.after(10) == 90 * 2 + 9 * 3);
  CHECK(left.after(100) == 0);
  work.beside = 1;
  TimeLeft both(work);
  both.steps(5, 10);
  both.evaluation(3);
  CHECK(both.after(100) == 100 * 2 + 10 * 3);
}

TEST_CASE("words: steps whose losses are read together have one rate") {
  const SmallSvhn data;
  const TempDir dir;
  const ProgramResult r =
      run_program("train" + data.flags() + "--epochs 2 --log-every 1 --out " + quoted(dir / "run"));
  REQUIRE(r.status == 0);
  INFO(r.err);
  // The time of all five once counted for the first, whose rate was then a fifth.
  const auto rate = [&](const std::string& step) {
    const size_t at = r.err.find(step), end = r.err.find(" steps/s", at);
    REQUIRE(end != r.err.npos);
    const size_t begin = r.err.rfind(' ', end - 1);
    return r.err.substr(begin, end - begin);
  };
  CHECK(rate("step 1/10 ") == rate("step 5/10 "));
  CHECK_THAT(r.err, ContainsSubstring(" images/s") && ContainsSubstring(" left"));
}

TEST_CASE("words: lines fit terminals of any width") {
  if (!has_pseudo_terminals()) {
    std::cout << "skipped: no pseudo-terminal\n";
    return;
  }
  const SmallSvhn data;
  for (const int width : {20, 40, 60, 80, 200})
    for (const char* term : {"xterm", "dumb"}) {
      INFO(width << " " << term);
      const TempDir dir;
      const ProgramResult r = run_program(
          "train" + data.flags() + "--epochs 3 --log-every 1 --out " + quoted(dir / "run"),
          {.environment = {{"TERM", term}, {"NO_COLOR", "1"}},
           .terminal = true,
           .before_start = [&] {
             const winsize size{24, static_cast<unsigned short>(width), 0, 0};
             ::ioctl(STDERR_FILENO, TIOCSWINSZ, &size);
           }});
      REQUIRE(r.status == 0);
      if (std::string(term) == "dumb") CHECK(r.err.find('\033') == std::string::npos);
      std::string shown = r.err;
      for (char& c : shown)
        if (c == '\r') c = '\n';
      std::istringstream in(shown);
      for (std::string line; std::getline(in, line);) {
        if (line.starts_with("\033[K")) line.erase(0, 3);
        // Words that are wider, such as paths, are not broken.
        if (line.find(' ', line.find_first_not_of(' ')) != line.npos)
          CHECK(line.size() < static_cast<size_t>(width));
      }
    }
}

TEST_CASE("words: a flag that there is not has its nearest neighbour named") {
  for (const auto& [wrong, right] : {std::pair{"train --epoch-s 3", "--epochs"},
                                     {"train --batchsize=8", "--batch-size"},
                                     {"eval --chekpoint x", "--checkpoint"},
                                     {"train -epochs 3", "--epochs"},
                                     {"trian --epochs 3", "train"},
                                     {"compare-run a b", "compare-runs"},
                                     {"data fetch --urll x", "--url"}}) {
    const ProgramResult r = run_program(wrong);
    INFO(r.err);
    CHECK(r.status == 2);
    CHECK_THAT(r.err, ContainsSubstring(std::string("; ") + right + " is one"));
  }
  CHECK_THAT(run_program("train --xyzzyplugh").err, !ContainsSubstring("is one"));
}

TEST_CASE("words: the help of train has groups and defaults") {
  const std::string help = run_program("train -h").out;
  for (const char* part :
       {"Data:", "Training:", "Network:", "Machine:", "Run:",
        "[20; tutorial 25, augmented 60, best 220, salimans2016 1800]",
        "[0.0012; tutorial 0.0003, salimans2016 0.0003]", "[50]", "[3]", "[digits]", "--seeds A..B",
        "[0.999; tutorial 0.0, mended 0.0, badgan 0.0, salimans2016 0.9999]"})
    CHECK_THAT(help, ContainsSubstring(part));
  CHECK_THAT(help, !ContainsSubstring(" in ["));
}

TEST_CASE("words: more threads than make sense are capped with a word") {
  const ProgramResult r = run_program("bench --steps 3 --batch-size 4 --g-size-mult 2 --device cpu",
                                      {.environment = {{"OMP_NUM_THREADS", "100000"}}});
  INFO(r.err);
  CHECK(r.status == 0);
  CHECK_THAT(r.err, ContainsSubstring("threads: 100000"));
}

TEST_CASE("words: weights that are not finite end eval and sample with 5") {
  const SmallSvhn data;
  const TempDir dir;
  REQUIRE(run_program("train" + data.flags() + "--epochs 1 --out " + quoted(dir / "run")).status ==
          0);
  for (const auto& [command, tensor] : {std::pair{"eval", "average.discriminator.conv1.weight"},
                                        {"sample", "generator.dense.weight"}}) {
    Checkpoint c = read_checkpoint(last_checkpoint(dir / "run"));
    c.tensors.at(tensor).mutable_span<float>()[3] = NAN;
    write_checkpoint(dir / "nan.safetensors", c);
    const ProgramResult r = run_program(
        fmt::format("{} --checkpoint {}{}", command, quoted(dir / "nan.safetensors"),
                    std::string(command) == "sample" ? " --out " + quoted(dir / "x.png") : ""));
    INFO(r.err);
    CHECK(r.status == 5);
    CHECK_THAT(r.err,
               ContainsSubstring("nan.safetensors") && ContainsSubstring("weight is not finite"));
  }
}

TEST_CASE("words: a run's folder stands for its newest checkpoint") {
  const SmallSvhn data;
  const TempDir dir;
  REQUIRE(run_program("train" + data.flags() + "--epochs 1 --out " + quoted(dir / "run")).status ==
          0);
  const std::string eval = "eval --checkpoint ";
  const fs::path last = last_checkpoint(dir / "run");
  const ProgramResult whole = run_program(eval + quoted(dir / "run"));
  CHECK(whole.out == run_program(eval + quoted(last)).out);
  CHECK_THAT(whole.err, ContainsSubstring("checkpoint " + last.string() + "\n"));
  fs::resize_file(last, fs::file_size(last) / 2);
  const ProgramResult earlier = run_program(eval + quoted(dir / "run"));
  CHECK(earlier.status == 2);  // the first one, whose statistics were never updated
  CHECK_THAT(earlier.err, ContainsSubstring(last.string()) &&
                              ContainsSubstring("takes its place") &&
                              ContainsSubstring("step_00000000.safetensors\n"));
}

TEST_CASE("words: a loss that is not finite names the last checkpoint and how to go on") {
  const SmallSvhn data;
  const TempDir dir;
  const fs::path out = dir / "my run";
  REQUIRE(run_program("train" + data.flags() + "--epochs 1 --out " + quoted(out)).status == 0);
  const ProgramResult r = run_program("train --resume --epochs 4 --lr 1e30 --out " + quoted(out));
  CHECK(r.status == 5);
  CHECK_THAT(r.err,
             ContainsSubstring(last_checkpoint(out).string()) &&
                 ContainsSubstring(" train --resume --out '" + out.string() + "' --lr 5e+29"));
}

TEST_CASE("words: names of any bytes go through a run, its files and its report") {
  const SmallFolder images;
  const TempDir dir;
  const std::string name = "\xff\xfe<b>\033[31m";
  const fs::path data = dir / ("data" + name), out = dir / ("run" + name);
  fs::copy(images.path(), data, fs::copy_options::recursive);
  for (const char* part : {"train", "test"}) fs::rename(data / part / "cat", data / part / name);
  const std::string flags = " --batch-size 8 --labels per-class:2 --g-size-mult 2 --d-size-mult 4 ";
  const ProgramResult r = run_program("train --data folder --data-dir " + quoted(data) + flags +
                                      "--epochs 2 --max-steps 3 --out " + quoted(out));
  INFO(r.err);
  REQUIRE(r.status == 0);
  CHECK(run_program("train --resume --out " + quoted(out)).status == 0);
  const std::string report = text_of(out / "report.html");
  CHECK(is_utf8(report));
  CHECK_THAT(report, !ContainsSubstring("<b>"));
  CHECK(is_utf8(text_of(out / "config.json")));
  CHECK(is_utf8(text_of(out / "summary.json")));
  for (const char* command : {"data --labels per-class:2 --data folder --data-dir ",
                              "data --json --labels per-class:2 --data folder --data-dir "}) {
    const ProgramResult shown = run_program(command + quoted(data));
    CHECK(shown.status == 0);
    CHECK(shown.out.find('\033') == std::string::npos);
  }
  for (const std::string& text : {r.err, r.out}) CHECK(text.find('\033') == std::string::npos);
}

TEST_CASE("words: a report shows old figures as final no more") {
  const SmallSvhn data;
  const TempDir dir;
  const fs::path out = dir / "run";
  REQUIRE(run_program("train" + data.flags() + "--epochs 1 --out " + quoted(out)).status == 0);
  CHECK_THAT(text_of(out / "report.html"), !ContainsSubstring("the last that is"));
  REQUIRE(run_program("train --resume --epochs 3 --max-steps 12 --out " + quoted(out)).status == 0);
  CHECK_THAT(text_of(out / "report.html"),
             ContainsSubstring("The figures after epoch 1, the last that is"));
  CHECK_THAT(text_of(out / "report.html"), !ContainsSubstring("http-equiv=\"refresh\""));
  write_report(out, Refresh::yes);
  CHECK_THAT(text_of(out / "report.html"), ContainsSubstring("http-equiv=\"refresh\""));
}
