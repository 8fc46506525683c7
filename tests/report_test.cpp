#include <sha2.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "apps/ssgan/report/chart.h"
#include "apps/ssgan/report/html.h"
#include "apps/ssgan/report/page_script.h"
#include "apps/ssgan/report/table.h"
#include "apps/ssgan/report/text.h"
#include "nn/data/png.h"
#include "tensor/error.h"
#include "tensor/file.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace fs = std::filesystem;

namespace {

size_t occurrences(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

constexpr const char* kEpochHeader =
    "epoch,step,lr,d_real,d_fake,d_class,d,g,train_accuracy,test_accuracy,seconds\n";

void put_sample(const TempDir& run, const std::string& name, int width) {
  fs::create_directories(run / "samples");
  write_png(run / "samples" / name,
            {width, 2, std::vector<uint8_t>(static_cast<size_t>(width) * 2 * 3, 200)});
}

std::string report_of(const TempDir& run) {
  write_report(run.path());
  return text_of(run / "report.html");
}

}  // namespace

TEST_CASE("report: base64 and escaping") {
  const auto encoded = [](std::string_view s) { return base64(std::as_bytes(std::span(s))); };
  CHECK(encoded("") == "");
  CHECK(encoded("f") == "Zg==");
  CHECK(encoded("fo") == "Zm8=");
  CHECK(encoded("foo") == "Zm9v");
  CHECK(encoded("foobar") == "Zm9vYmFy");
  CHECK(encoded("\xFF\xEF\xBE") == "/+++");
  CHECK(escape_html("<a b='c' d=\"e\">&\x01é") ==
        "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;\uFFFDé");
}

TEST_CASE("report: numbers for people") {
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(grouped(-999) == "−999");
  CHECK(grouped(0) == "0");
  CHECK(percent(0.7215) == "72.2\u00A0%");
  CHECK(duration(8.44) == "8.4\u00A0s");
  CHECK(duration(59.97) == "1\u00A0min 0\u00A0s");
  CHECK(duration(3599.8) == "1\u00A0h 0\u00A0min");
  CHECK(duration(7980) == "2\u00A0h 13\u00A0min");
  CHECK(loss(0) == "0.0000");
  CHECK(loss(3e-5) == "3e-05");
  for (const auto& text : {grouped(NAN), percent(NAN), duration(NAN), loss(NAN), number(INFINITY)})
    CHECK(text == "–");
}

TEST_CASE("report: ticks are round and inside") {
  CHECK(round_ticks(0, 1, 5, false) == std::vector<double>{0, 0.2, 0.4, 3 * 0.2, 0.8, 1});
  CHECK(round_ticks(0, 14325, 5, true) == std::vector<double>{0, 5000, 10000});
  CHECK(round_ticks(1, 3, 5, true) == std::vector<double>{1, 2, 3});
  CHECK(round_ticks(-0.3, 0.3, 3, false) == std::vector<double>{-0.2, 0, 0.2});
  for (const double high : {1e-7, 0.3, 7.0, 99.0, 1e6}) {
    const auto ticks = round_ticks(0, high, 5, false);
    CHECK(ticks.size() >= 3);
    CHECK(ticks.size() <= 7);
    CHECK(ticks.back() <= high * (1 + 1e-9));
  }
}

TEST_CASE("report: thinning averages what is there") {
  Table table{{"step", "g"}, {}};
  for (int i = 0; i < 1000; ++i) table.rows.push_back({double(i), i % 2 ? NAN : double(i)});
  const auto [thinned, group] = thin(table, 300);
  CHECK(group == 4);
  REQUIRE(thinned.rows.size() == 250);
  CHECK(thinned.rows[1] == std::vector<double>{5.5, 5});
  CHECK(thin(table, 1000).table.rows.size() == 1000);
  CHECK(thin(Table{{"step"}, {}}, 10).table.rows.empty());
}

TEST_CASE("report: logs of resumed and running runs") {
  const TempDir dir;
  const auto path = dir.put("m.jsonl",
                            "{\"step\":1,\"g\":1}\n{\"step\":2,\"g\":2}\n{\"step\":3,\"g\":null}\n"
                            "garbage\n[]\n{\"step\":2,\"g\":20}\n{\"step\":4,\"g");
  const Log log = read_json_lines(path, {"step", "g"}, "step");
  CHECK(log.skipped == 2);
  REQUIRE(log.table.rows.size() == 3);
  CHECK(log.table.rows[1] == std::vector<double>{2, 20});
  CHECK(std::isnan(log.table.rows[2][1]));

  const Log csv = read_csv(dir.put("e.csv", "g,epoch\r\n0.5,1\r\n,2\r\nx,3\r\n0.25,4\r\n0.125"),
                           {"epoch", "g", "absent"}, "epoch");
  CHECK(csv.skipped == 1);
  REQUIRE(csv.table.rows.size() == 3);
  CHECK(csv.table.rows[2][1] == 0.25);
  CHECK(std::isnan(csv.table.rows[1][1]));
  CHECK_FALSE(csv.table.has("absent"));
  CHECK(read_csv(dir / "none.csv", {"epoch"}, "epoch").table.rows.empty());
}

TEST_CASE("report: a finished run") {
  const TempDir run;
  run.put("config.json",
          R"({"seed":1,"threads":2,"program":"ssgan 1.2, abc",)"
          R"("note":"<script>alert(1)</script>","data":{"name":"svhn & co","of":{"n":[1,2]}}})");
  run.put("epochs.csv", std::string(kEpochHeader) +
                            "1,573,0.0003,0.6,0.5,1.5,2.6,0.1,0.39,0.42,12.5\n"
                            "2,1146,0.00027,0.5,0.4,1,1.9,0.09,0.78,0.6137,12.5\n");
  std::string metrics;
  for (int i = 1; i <= 1146; ++i)
    metrics += fmt::format(
        R"({{"step":{},"epoch":1,"lr":0.0003,"d_real":0.6,"d_fake":0.5,"d_class":1,"d":2,"g":0.1}})"
        "\n",
        i);
  run.put("metrics.jsonl", metrics);
  run.put("summary.json",
          R"({"test_accuracy":0.722,"train_accuracy":0.915,"baseline_accuracy":0.688,)"
          R"("protocol":"<b>1,000</b> labels","seconds":250,"steps":1146})");
  for (int i = 0; i <= 12; ++i) put_sample(run, fmt::format("epoch_{:03}.png", i), 10 + i);
  put_sample(run, "epoch_1000.png", 99);
  fs::create_directory(run / "baseline");
  run.put("baseline/epochs.csv", std::string(kEpochHeader) +
                                     "1,573,0.0003,,,1,1,,0.8,0.5,5\n"
                                     "2,1146,0.0003,,,1,1,,0.9,0.6,5\n");
  write_png(run / "real.png", {20, 2, std::vector<uint8_t>(120, 9)});
  write_png(run / "mistakes.png", {30, 2, std::vector<uint8_t>(180, 9)});
  run.put("scores.json", R"({"epoch":2,"classes":["cat","<img src=x onerror=alert(1) >"],)"
                         R"("confusion":[[8,2],[4,1]]})");
  put_sample(run, "other.png", 77);

  const std::string page = report_of(run);
  for (const char* part : {"72.2\u00A0%",
                           "68.8\u00A0%",
                           "3.4 percentage points above",
                           "since step 1,146",
                           "91.5\u00A0%",
                           "1,146",
                           "61.4\u00A0%",
                           "4\u00A0min 10\u00A0s",
                           "&lt;b&gt;1,000&lt;/b&gt; labels",
                           "svhn &amp; co",
                           "of.n",
                           "[1,2]",
                           "&lt;script&gt;alert(1)",
                           "the mean of 2 steps",
                           "means of 21 points",
                           "&lt;img src=x onerror=alert(1) &gt;",
                           "80.0\u00A0%",
                           "20.0\u00A0%",
                           "cat (4)",
                           "real test images",
                           "baseline on test images: 60.0\u00A0%",
                           "<h3>Environment</h3>",
                           "ssgan 1.2, abc"})
    CHECK_THAT(page, ContainsSubstring(part));
  CHECK(occurrences(page, "<script") == 1);
  CHECK_THAT(page, ContainsSubstring("<script>" + std::string(kPageScript) + "</script>"));
  const size_t script = page.find(kPageScript);
  const std::string rest = page.substr(0, script) + page.substr(script + kPageScript.size());
  for (const char* part :
       {"<img src=x", "http:", "https:", "src=\"/", "<link", "-0.0", ",nan", "<b>", "digit"})
    CHECK_THAT(rest, !ContainsSubstring(part));
  for (const char* part : {"fetch(", "import", "eval(", "innerHTML"})
    CHECK_THAT(page, !ContainsSubstring(part));
  CHECK(occurrences(page, "<figure class=\"chart\">") == 4);
  CHECK(occurrences(page, "role=\"img\"") == 4);
  CHECK(occurrences(page, "<desc id=") == 4);
  CHECK(occurrences(page, "class=\"pale ") == 4);
  CHECK(occurrences(page, "data:image/jpeg;base64,") == 14 + 2);
  CHECK(occurrences(page, " alt=\"Grid of images") == 14);
  CHECK_THAT(page, ContainsSubstring("width=\"10\" height=\"2\""));
  CHECK_THAT(page, ContainsSubstring("width=\"99\" height=\"2\""));
  CHECK_THAT(page, ContainsSubstring("epoch 1,000"));
  CHECK_THAT(page, !ContainsSubstring("class=\"note\""));
  CHECK(report_of(run) == page);
}

TEST_CASE("report: a baseline has no generator") {
  const TempDir run;
  run.put("epochs.csv", std::string(kEpochHeader) + "1,10,0.0003,,,1.5,1.5,,0.39,0.42,1\n");
  run.put(
      "metrics.jsonl",
      "{\"step\":1,\"lr\":0.1,\"d_real\":null,\"d_fake\":null,\"d_class\":2,\"d\":2,\"g\":null}\n");
  const std::string page = report_of(run);
  CHECK(occurrences(page, "<figure class=\"chart\">") == 3);
  CHECK_THAT(page, ContainsSubstring("wrong class on labelled images"));
  CHECK_THAT(page, !ContainsSubstring("feature matching"));
  CHECK_THAT(page, ContainsSubstring("A baseline: the discriminator alone"));
  CHECK_THAT(page, !ContainsSubstring("semi-supervised"));
  CHECK_THAT(page, !ContainsSubstring("G loss"));
  CHECK_THAT(page, !ContainsSubstring("0.69"));
  CHECK_THAT(page, ContainsSubstring("42.0\u00A0%"));
}

TEST_CASE("report: a run that has just begun") {
  const TempDir run;
  CHECK_THAT(report_of(run), ContainsSubstring("No epoch of this run is finished yet"));
  run.put("epochs.csv", kEpochHeader);
  run.put("metrics.jsonl", "{\"step\":1,\"d\":0,\"g\":0.5,\"lr\":0.0003}\n{\"st");
  const std::string page = report_of(run);
  CHECK(occurrences(page, "<figure class=\"chart\">") == 2);
  CHECK_THAT(page, !ContainsSubstring("class=\"note\""));
  CHECK_THAT(page, !ContainsSubstring("nan"));
}

TEST_CASE("report: damage is left out and named") {
  const TempDir run;
  run.put("config.json", "{\"seed\": 1,");
  run.put("summary.json", "[1]");
  run.put("metrics.jsonl", "x\ny\n{\"step\":1,\"g\":1}\n");
  put_sample(run, "epoch_001.png", 10);
  fs::resize_file(run / "samples" / "epoch_001.png", 12);
  const std::string page = report_of(run);
  CHECK_THAT(page, ContainsSubstring("config.json is not a JSON object"));
  CHECK_THAT(page, ContainsSubstring("summary.json is not a JSON object"));
  CHECK_THAT(page, ContainsSubstring("2 lines of metrics.jsonl could not be read"));
  CHECK_THAT(page, ContainsSubstring("samples/epoch_001.png is not a whole PNG file"));
  CHECK(occurrences(page, "class=\"note\"") == 4);
  for (const char* scores :
       {R"({"classes":["a"],"confusion":[[1,2]]})", R"({"classes":["a"],"confusion":[1]})",
        R"({"classes":["a"],"confusion":[[-1]]})", R"({"classes":"a","confusion":[]})"}) {
    run.put("scores.json", scores);
    CHECK_THAT(report_of(run), !ContainsSubstring("class by class"));
  }
}

TEST_CASE("report: words fit the data set, and say what was gained") {
  const TempDir run;
  const std::string row = "1,10,0.0003,0.1,0.1,1.5,1.5,0.1,0.39,0.42,1\n";
  run.put("epochs.csv", kEpochHeader + row);
  for (const auto& [data, words] : {std::pair{"svhn", "learns to name digits from"},
                                    {"fashion-mnist", "to name garments from"},
                                    {"folder", "to tell classes of images apart from"}}) {
    run.put("config.json", fmt::format("{{\"data\":\"{}\"}}", data));
    CHECK_THAT(report_of(run), ContainsSubstring(words));
  }
  for (const auto& [baseline, words] :
       {std::pair{0.474, "5.4 percentage points below the baseline after 10 steps"},
        {0.423, "as good as the baseline"},
        {0.4, "2.0 percentage points above the baseline"}}) {
    run.put(
        "summary.json",
        fmt::format("{{\"test_accuracy\":0.42,\"baseline_accuracy\":{},\"steps\":10}}", baseline));
    CHECK_THAT(report_of(run), ContainsSubstring(words));
  }
}

TEST_CASE("report: a page stays below a megabyte") {
  const TempDir run;
  fs::create_directories(run / "samples");
  std::mt19937 random(1);
  std::vector<uint8_t> noise(size_t{274} * 274 * 3);
  for (uint8_t& v : noise) v = static_cast<uint8_t>(random());
  for (int i = 0; i < 40; ++i)
    write_png(run / "samples" / fmt::format("epoch_{:03}.png", i), {274, 274, noise});
  const std::string page = report_of(run);
  CHECK(page.size() < 1'000'000);
  CHECK(occurrences(page, " alt=\"Grid of images") >= 4);
  CHECK_THAT(page, ContainsSubstring("after epoch 39"));
}

TEST_CASE("report: the script is the one that the page allows") {
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA2_CTX context;
  SHA256Init(&context);
  SHA256Update(&context, reinterpret_cast<const uint8_t*>(kPageScript.data()), kPageScript.size());
  SHA256Final(digest, &context);
  CHECK(base64(std::as_bytes(std::span(digest))) == kPageScriptSha256);
  const TempDir run;
  CHECK_THAT(report_of(run),
             ContainsSubstring("script-src 'sha256-" + std::string(kPageScriptSha256) + "'\">"));
}

TEST_CASE("report: smoothing takes the means of neighbours") {
  const std::vector<Point> points{{0, 1}, {1, 3}, {2, NAN}, {3, 8}};
  const std::vector<Point> smooth = smoothed(points, 1);
  const double expected[] = {2, 2, 5.5, 8};
  REQUIRE(smooth.size() == 4);
  for (size_t i = 0; i < 4; ++i) {
    CHECK(smooth[i].x == points[i].x);
    CHECK(smooth[i].y == expected[i]);
  }
}

TEST_CASE("report: errors") {
  const TempDir dir;
  CHECK_THROWS_AS(write_report(dir / "none"), DataError);
  CHECK_THROWS_WITH(write_report(dir / "none"), ContainsSubstring("no such run folder"));
  fs::create_directory(dir / "report.html");
  CHECK_THROWS_AS(write_report(dir.path()), OutputError);
}
