#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/ssgan/json.h"
#include "apps/ssgan/model/trainer.h"
#include "apps/ssgan/report/chart.h"
#include "apps/ssgan/report/html.h"
#include "apps/ssgan/run/checkpoint.h"
#include "tests/catch.h"
#include "tests/message_of.h"
#include "tests/temp_dir.h"

using namespace gradus;
using namespace gradus::ssgan;

namespace {

std::string nested(int depth, const std::string& open, const std::string& close) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

}  // namespace

TEST_CASE("json: nesting has a limit, and what is no JSON an error") {
  CHECK(parse_json(nested(32, "[", "]")).size() == 1);
  CHECK(message_of<DataError>([] { parse_json(nested(34, "[", "]")); }) ==
        "JSON nested more than 32 deep");
  CHECK_THROWS_AS(parse_json(nested(1'000'000, "{\"a\":", "}")), DataError);
  CHECK_THROWS_AS(parse_json(std::string(1'000'000, '[')), DataError);
  CHECK_THROWS_WITH(parse_json("{"), ContainsSubstring("not JSON: "));
  CHECK(parse_json_object("[1]").is_null());
  CHECK(parse_json_object(std::string(1'000'000, '[')).is_null());
  const auto numbers = parse_json(R"({"a":7,"b":1e300,"c":"7","d":18446744073709551615,"e":1.5})");
  CHECK(number_or(numbers, "a", int64_t{-1}) == 7);
  for (const char* key : {"b", "c", "d", "e", "f"})
    CHECK(number_or(numbers, key, int64_t{-1}) == -1);
  CHECK(number_or(numbers, "e", -1.0) == 1.5);
}

TEST_CASE("report: ticks end, whatever the range") {
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{{0x1p53, 0x1p53 + 4},
                                                                        {0, 1e300},
                                                                        {1e300, 1.1e300},
                                                                        {-1e308, 1e308},
                                                                        {1e16, 1e16 + 4},
                                                                        {0, 5e-324},
                                                                        {5, 5},
                                                                        {0, INFINITY},
                                                                        {NAN, 1}})
    for (const bool whole : {false, true}) {
      INFO(low << " to " << high);
      const auto ticks = round_ticks(low, high, 5, whole);
      CHECK(ticks.size() <= 11);
      CHECK(std::ranges::is_sorted(ticks));
      CHECK(std::ranges::all_of(ticks, [](double v) { return std::isfinite(v); }));
    }
}

TEST_CASE("report: a crafted run folder gives a page") {
  const TempDir dir;
  const auto line = [](const std::string& step, const std::string& d) {
    return R"({"step":)" + step + R"(,"epoch":0,"lr":1e-3,"d":)" + d + ",\"g\":1}\n";
  };
  std::string metrics = line("1", "1") + line("9007199254740993", "2") +
                        line("9007199254740996", "1e300") + line("1e300", "3") +
                        line("18446744073709551615", "-1.7e308") + line("-5", "1.7e308") +
                        line("[1]", "{}") + std::string(200'000, '[') + "\n";
  dir.put("metrics.jsonl", metrics);
  dir.put("epochs.csv", "epoch,step,lr\n1e300,1e300,1\n9007199254740993,1,1\n");
  dir.put("config.json", nested(200'000, "{\"a\":", "}"));
  dir.put("summary.json", "{\"a\":" + nested(200'000, "[", "]") + "}");
  write_report(dir.path());
  const std::string page = text_of(dir / "report.html");
  CHECK(page.size() < 1'000'000);
  CHECK_THAT(page, ContainsSubstring("config.json is not a JSON object and is left out"));
  CHECK_THAT(page, !ContainsSubstring("\"nan") && !ContainsSubstring("inf,"));
}

TEST_CASE("checkpoint: a small file does not ask for large networks") {
  const TempDir dir;
  Options o = preset("mended");
  o.network.g_size_mult = o.network.d_size_mult = 1024;
  const auto refusal = [&] {
    return message_of<DataError>([&] { read_checkpoint(dir / "a.safetensors"); });
  };
  write_checkpoint(dir / "a.safetensors", {o, 0, {}, {}, {}});
  CHECK_THAT(refusal(), ContainsSubstring("a.safetensors: no tensor generator.deconv2.weight; "
                                          "[4096, 5, 5, 2048] expected"));
  Options small = o;
  small.network.g_size_mult = small.network.d_size_mult = 1;
  std::map<std::string, Tensor> tensors;
  Trainer(small, DType::f32, kCpu).save(tensors);
  write_checkpoint(dir / "a.safetensors", {small, 0, {}, {}, tensors});
  CHECK(read_checkpoint(dir / "a.safetensors").tensors.size() == tensors.size());
  write_checkpoint(dir / "a.safetensors", {o, 0, {}, {}, tensors});
  CHECK_THAT(refusal(), ContainsSubstring("tensor generator.deconv2.weight has shape [4, 5, 5, 2]; "
                                          "[4096, 5, 5, 2048] expected"));
}

TEST_CASE("configuration: whole numbers are whole and fit") {
  const auto json = to_json(preset("mended"));
  for (const auto& [key, value] : std::vector<std::pair<const char*, nlohmann::ordered_json>>{
           {"classes", 4294967298},
           {"seed", -1},
           {"epochs", 2.5},
           {"epochs", 1e300},
           {"batch_size", "8"},
           {"limit_batches", 18446744073709551615u},
           {"g_size_mult", true}}) {
    INFO(key);
    auto other = json;
    other[key] = value;
    CHECK_THROWS_WITH(options_from_json(other), ContainsSubstring(std::string("key ") + key));
  }
  CHECK_THROWS_AS(options_from_json(nlohmann::ordered_json::array()), DataError);
}
