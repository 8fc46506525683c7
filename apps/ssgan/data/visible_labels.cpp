#include "apps/ssgan/data/visible_labels.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "nn/data/batches.h"
#include "tensor/error.h"

namespace gradus::ssgan {

LabelChoice parse_label_choice(const std::string& text) {
  const size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  LabelChoice choice;
  choice.kind = kind == "first" ? LabelChoice::Kind::first : LabelChoice::Kind::per_class;
  const char* begin = text.data() + (colon == std::string::npos ? text.size() : colon + 1);
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, choice.n);
  require<Error>((kind == "first" || kind == "per-class") && error == std::errc() && stop == end &&
                     choice.n > 0,
                 "labels {}: expected first:N or per-class:N with N above 0", text);
  return choice;
}

std::string to_string(const LabelChoice& c) {
  return fmt::format("{}:{}", c.kind == LabelChoice::Kind::first ? "first" : "per-class", c.n);
}

Tensor choose_labelled(const ImageSet& set, const LabelChoice& choice, uint64_t seed) {
  const int64_t n = set.count();
  Tensor mask = Tensor::zeros({n}, DType::i32);
  const auto chosen = mask.mutable_span<int32_t>();
  if (choice.kind == LabelChoice::Kind::first) {
    require<DataError>(choice.n <= n, "labels {}: the training set has {} images only",
                       to_string(choice), n);
    std::fill_n(chosen.begin(), choice.n, 1);
    return mask;
  }
  const auto classes = static_cast<int32_t>(set.classes.size());
  std::vector<int64_t> missing(set.classes.size(), choice.n);
  const auto labels = set.labels.span<int32_t>();
  for (const int32_t i : shuffled(n, seed, 0, Stream::labels))
    if (int64_t& rest = missing[labels[i] % classes]; rest > 0) {  // 10 is a zero, too
      chosen[i] = 1;
      --rest;
    }
  const auto fewest = std::ranges::max_element(missing);
  require<DataError>(*fewest == 0,
                     "labels {0}: the training set has {1} images of {2} only; --labels "
                     "per-class:{1} would do",
                     to_string(choice), choice.n - *fewest,
                     set.classes[static_cast<size_t>(fewest - missing.begin())]);
  return mask;
}

std::vector<int32_t> hold_out(const ImageSet& set, Tensor& mask, int64_t n, uint64_t seed) {
  const auto classes = static_cast<int32_t>(set.classes.size());
  const auto labels = set.labels.span<int32_t>();
  const auto visible = mask.mutable_span<int32_t>();
  const int64_t all = std::count(visible.begin(), visible.end(), 1);
  require<DataError>(n == 0 || n < all, "validation {}: only {} labels are visible", n, all);
  std::vector<int32_t> taken;
  const std::vector<int32_t> order = shuffled(set.count(), seed, 1, Stream::labels);
  while (static_cast<int64_t>(taken.size()) < n) {
    std::vector<bool> has(set.classes.size());  // one of each class a round
    for (const int32_t i : order) {
      const size_t c = labels[i] % classes;
      if (!visible[i] || has[c] || static_cast<int64_t>(taken.size()) == n) continue;
      has[c] = true;
      visible[i] = 0;
      taken.push_back(i);
    }
  }
  std::ranges::sort(taken);
  return taken;
}

}  // namespace gradus::ssgan
