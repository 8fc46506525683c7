#include "nn/data/batches.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "tensor/philox.h"
#include "tensor/random.h"

namespace gradus {
namespace {

std::vector<int32_t> permutation(int64_t n, uint64_t seed, Stream stream, int64_t epoch) {
  std::vector<int32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = n - 1; i > 0; --i) {
    const PhiloxBlock block =
        philox4x32({{static_cast<uint32_t>(i), static_cast<uint32_t>(epoch),
                     static_cast<uint32_t>(epoch >> 32), static_cast<uint32_t>(stream)}},
                   static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
    const uint64_t word = uint64_t{block.v[0]} << 32 | block.v[1];
    std::swap(order[i], order[word % static_cast<uint64_t>(i + 1)]);
  }
  return order;
}

}  // namespace

std::vector<int32_t> shuffled(int64_t n, uint64_t seed, int64_t epoch) {
  return permutation(n, seed, Stream::shuffle, epoch);
}

Batches::Batches(int64_t count, int64_t batch_size, uint64_t seed)
    : count_(count), batch_size_(batch_size), seed_(seed) {
  require<DataError>(count > 0, "batches: the set is empty");
  require<Error>(batch_size > 0, "batches: the batch size must be positive, got {}", batch_size);
}

std::vector<int32_t> Batches::at(int64_t epoch, int64_t position) {
  if (epoch != epoch_) {
    order_ = shuffled(count_, seed_, epoch);
    epoch_ = epoch;
  }
  const auto begin = order_.begin() + position * batch_size_;
  return {begin, begin + std::min(batch_size_, count_ - position * batch_size_)};
}

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
  for (const int32_t i : permutation(n, seed, Stream::labels, 0))
    if (int64_t& rest = missing[labels[i] % classes]; rest > 0) {  // 10 is a zero, too
      chosen[i] = 1;
      --rest;
    }
  for (int32_t c = 0; c < classes; ++c)
    require<DataError>(missing[c] == 0, "labels {}: the training set has {} images of {} only",
                       to_string(choice), choice.n - missing[c], set.classes[c]);
  return mask;
}

}  // namespace gradus
