#include "cuda/small_work.h"

#include <algorithm>
#include <limits>

namespace gradus::cuda {
namespace {

bool has(const auto& memories, const void* memory) {
  return memory &&
         std::find(std::begin(memories), std::end(memories), memory) != std::end(memories);
}

bool precedes(const Piece& first, const Piece& second) {
  const auto written = [&](const void* m) { return has(first.out, m); };
  return std::any_of(std::begin(second.in), std::end(second.in), written) ||
         std::any_of(std::begin(second.out), std::end(second.out),
                     [&](const void* m) { return written(m) || has(first.in, m); });
}

}  // namespace

Piece piece_of(Piece::Kind kind, DType dtype, int64_t count,
               std::initializer_list<const Tensor*> in, std::initializer_list<Tensor*> out) {
  Piece piece{.kind = kind, .dtype = dtype, .count = static_cast<int32_t>(count)};
  const void** reads = piece.in;
  for (const Tensor* t : in) *reads++ = t->defined() ? t->raw() : nullptr;
  void** writes = piece.out;
  for (Tensor* t : out) *writes++ = t->mutable_raw();
  return piece;
}

bool ShortWalk::take(const Walk& walk) {
  if (walk.rank > kMostAxes) return false;
  rank = walk.rank;
  for (int i = 0; i < rank; ++i) {
    constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
    if (walk.extent[i] > kMost || walk.stride[i] > kMost) return false;
    extent[i] = static_cast<int32_t>(walk.extent[i]);
    stride[i] = static_cast<int32_t>(walk.stride[i]);
  }
  return true;
}

bool SmallWork::uses(const void* memory) const {
  return std::any_of(pieces_.begin(), pieces_.begin() + used_,
                     [&](const Piece& p) { return has(p.in, memory) || has(p.out, memory); });
}

bool SmallWork::writes(const void* memory) const {
  return std::any_of(pieces_.begin(), pieces_.begin() + used_,
                     [&](const Piece& p) { return has(p.out, memory); });
}

void SmallWork::add(const Piece& piece, int32_t blocks) {
  int launch = 0, chain = used_;
  bool waits_for[kMost]{}, is_before[kMost]{};
  for (int i = 0; i < used_; ++i)
    if ((is_before[i] = precedes(pieces_[i], piece)))
      launch = std::max(launch, launch_[i] + (blocks > 1 || pieces_[i].blocks > 1));
  for (int i = 0; i < used_; ++i) {
    if (!is_before[i] || launch_[i] != launch) continue;
    waits_for[chain_[i]] = true;
    chain = std::min(chain, chain_[i]);
  }
  for (int i = 0; i < used_; ++i)
    if (waits_for[chain_[i]]) chain_[i] = chain;
  launch_[used_] = launch;
  chain_[used_] = chain;
  pieces_[used_] = piece;
  pieces_[used_++].blocks = blocks;
}

Pieces SmallWork::take() {
  Pieces all;
  int32_t block = 0;
  for (int chain = 0; chain < used_; ++chain) {
    const int before = all.used;
    for (int i = chain; i < used_; ++i)
      if (launch_[i] == next_ && chain_[i] == chain) {
        all.piece[all.used] = pieces_[i];
        all.piece[all.used++].first_block = block;
      }
    if (all.used > before) block += all.piece[before].blocks;
  }
  if (++next_ > *std::max_element(launch_.begin(), launch_.begin() + used_)) used_ = next_ = 0;
  return all;
}

}  // namespace gradus::cuda
