#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <type_traits>
#include <variant>

#include "tensor/tensor.h"
#include "tensor/walk.h"

// A step has a hundred kernels whose work takes less time than their launch. Those that can wait
// do, and run together: one launch, one after another in a block where one needs what another
// gives, side by side in blocks of their own where they do not.

namespace gradus::cuda {

/// A Walk of few axes in 32 bits.
struct ShortWalk {
  static constexpr int kMostAxes = 4;
  int32_t rank = 0, extent[kMostAxes]{}, stride[kMostAxes]{};

  /// False where the walk is longer than that.
  bool take(const Walk& walk);
  GRADUS_HD int64_t offset(int32_t i) const {
    int64_t at = 0;
    for (int axis = 0; axis + 1 < rank; ++axis) {
      at += int64_t{i % extent[axis]} * stride[axis];
      i /= extent[axis];
    }
    return rank ? at + int64_t{i} * stride[rank - 1] : 0;
  }
};

/// One call of a kernel of the contract, as small_work_kernel runs it.
struct Piece {
  enum class Kind : uint8_t {
    fill,
    cast,
    unary,
    unary_backward,
    binary,
    reduce,
    softmax,
    top_k,
    cross_entropy,
    cross_entropy_backward,
    copy_rows,
    gather,
    one_hot,
    increment,
    matmul
  };
  Kind kind;
  DType dtype = DType::f32;      ///< of what is computed
  DType from = DType::f32;       ///< of what is cast, gathered or reduced
  uint8_t function = 0;          ///< which of UnaryFn, BinaryFn, Reduction or Softmax
  int32_t count = 0, width = 0;  ///< of elements or rows; of a row
  int32_t at[4]{};  ///< of copy_rows: the rows' distances in x and y, their first units; of matmul:
                    ///< the steps in a from row to row and along it, those in b
  int32_t first_block = 0, blocks = 1;
  alignas(8) unsigned char parameters[16]{};  ///< of the function, or numbers
  const void* in[4]{};
  void* out[2]{};
  ShortWalk walks[2]{};

  /// That have something to do, if all lie in one block.
  int64_t threads() const { return kind == Kind::reduce && width > 32 ? 32 * count : count; }

  /// `function` and its parameters from a UnaryFn or BinaryFn.
  template <class... F>
  void set(const std::variant<F...>& fn) {
    function = static_cast<uint8_t>(fn.index());
    std::visit([this](const auto& f) { set(f); }, fn);
  }
  template <class F>
  void set(const F& f) {
    static_assert(std::is_trivially_copyable_v<F> && sizeof(F) <= sizeof parameters);
    std::memcpy(parameters, &f, sizeof f);
  }
  template <class F>
  GRADUS_HD F get() const {
    F f;
    std::memcpy(&f, parameters, sizeof f);
    return f;
  }
};

/// A piece whose operands these are, undefined ones as null.
Piece piece_of(Piece::Kind kind, DType dtype, int64_t count,
               std::initializer_list<const Tensor*> in, std::initializer_list<Tensor*> out);

/// The numbers of a gather or a reduction.
struct Numbers {
  double a = 0, b = 0;
};

/// What one launch takes as its argument, which may have 32,764 bytes.
struct Pieces {
  static constexpr int kMost = 96;
  int32_t used = 0;
  Piece piece[kMost];
};
static_assert(sizeof(Pieces) <= 32764);

/// What waits to be launched. A tensor's memory is known by its first byte: no two tensors overlap
/// otherwise.
class SmallWork {
 public:
  bool is_empty() const { return used_ == 0; }
  bool is_full() const { return used_ == kMost; }
  bool uses(const void* memory) const;
  bool writes(const void* memory) const;
  /// Adds the piece, which takes so many blocks; not to a full one.
  void add(const Piece& piece, int32_t blocks);
  /// What is to be launched next, in an order in which it can run.
  Pieces take();
  void clear() { used_ = next_ = 0; }

 private:
  static constexpr int kMost = Pieces::kMost;
  int used_ = 0, next_ = 0;
  std::array<Piece, kMost> pieces_;
  /// Pieces of one launch and chain run one after another in a block. What needs a piece of many
  /// blocks, or is one and needs another, is of a later launch.
  std::array<int, kMost> launch_, chain_;
};

}  // namespace gradus::cuda
