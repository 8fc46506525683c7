#include "apps/ssgan/run/test_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/ssgan/model/samples.h"
#include "apps/ssgan/model/scores.h"
#include "apps/ssgan/report/score_pictures.h"
#include "apps/ssgan/run/json_file.h"
#include "nn/data/png.h"

namespace gradus::ssgan {
namespace {

constexpr int64_t kMistakes = 24, kReal = 64;
constexpr int kColumns = 8;

}  // namespace

void write_test_record(const std::filesystem::path& folder, int64_t epoch,
                       const Predictions& predictions, const ImageSet& test,
                       const std::vector<std::string>& names) {
  if (test.count() == 0) return;
  const Scores scores = score(predictions, test.labels);
  nlohmann::ordered_json confusion = nlohmann::json::array(), classes = nlohmann::json::array();
  for (int64_t c = 0; c < scores.classes; ++c) {
    const auto row = scores.confusion.begin() + c * scores.classes;
    confusion.push_back(std::vector<int64_t>(row, row + scores.classes));
    classes.push_back(names.at(static_cast<size_t>(c)));
  }
  write_json(folder / "scores.json",
             {{"epoch", epoch}, {"classes", classes}, {"confusion", confusion}});
  std::error_code error;
  if (scores.mistakes.empty())
    std::filesystem::remove(folder / "mistakes.png", error);  // those of an earlier epoch
  else
    write_png(folder / "mistakes.png",
              mistakes_picture(scores, predictions, test, names,
                               std::min<int64_t>(kMistakes, std::ssize(scores.mistakes))));
  if (std::filesystem::exists(folder / "real.png", error)) return;
  std::vector<int32_t> first(static_cast<size_t>(std::min(kReal, test.count())));
  std::iota(first.begin(), first.end(), 0);
  write_png(folder / "real.png", grid(subset(test, first).images, kColumns));
}

}  // namespace gradus::ssgan
