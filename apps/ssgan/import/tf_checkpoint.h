#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace gradus::ssgan {

/// The variables of a TensorFlow checkpoint of version 2 (a "tensor bundle"), which lies in
/// PREFIX.index and PREFIX.data-SSSSS-of-NNNNN.
///
/// The index is a sorted table of strings, the one of LevelDB (its doc/table_format.md), without
/// compression. At key "" it has a BundleHeaderProto, at each variable's name a BundleEntryProto
/// (tensorflow/core/protobuf/tensor_bundle.proto), which says where in the data files the values
/// lie, row-major and little-endian.
///
/// Nothing in the files is believed: lengths, offsets, order, overlaps, shapes and checksums are
/// checked before use. Whatever is wrong throws DataError that names the file and the variable.
class TfCheckpoint {
 public:
  struct Variable {
    uint64_t dtype = 0;  ///< by TensorFlow's number (types.proto): 1 = float, 2 = double, ...
    std::vector<uint64_t> extents;
    uint64_t shard = 0, offset = 0, size = 0;  ///< which data file; bytes in it
    uint32_t masked_crc = 0;                   ///< of the bytes
    bool sliced = false;                       ///< a partitioned variable, kept under other keys
  };

  /// Reads the index and the data files that its entries lie in, whole. Throws DataError.
  explicit TfCheckpoint(const std::filesystem::path& prefix);

  /// By name, "generator/dense/kernel".
  const std::map<std::string, Variable>& variables() const { return variables_; }
  bool contains(const std::string& name) const { return variables_.contains(name); }
  /// The values of a variable of float, double, int32 or uint8 and rank 0 to 6, in TensorFlow's
  /// layout, on the CPU. Throws DataError where there is none of the name, it is of another kind or
  /// damaged.
  Tensor read(const std::string& name) const;

 private:
  std::string prefix_;
  std::map<std::string, Variable> variables_;
  std::map<uint64_t, std::vector<std::byte>> shards_;
};

}  // namespace gradus::ssgan
