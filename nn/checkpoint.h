#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "nn/optim.h"
#include "tensor/safetensors.h"

// A training between two steps as a file, from which it goes on bit for bit: batches and random
// numbers are functions of the seed and the step.

namespace gradus {

/// Writes a safetensors file: the model's parameters and buffers as "model." + name, the moments as
/// "optimizer." + name, and in its metadata the steps taken so far and a checksum. Throws
/// OutputError as write_file.
void save_checkpoint(const std::filesystem::path& path, const Module& model,
                     const Optimizer& optimizer, int64_t step);
/// Reads it back, to any device, and returns the steps. Throws DataError that names the file where
/// it is missing, damaged, no checkpoint or of another model or optimiser; nothing is changed then.
int64_t load_checkpoint(const std::filesystem::path& path, Module& model, Optimizer& optimizer);

/// For files of one's own kind: puts their CRC-32C (all names, other metadata and tensors' bytes)
/// in the metadata as "crc32c", 8 hexadecimal digits.
void add_checksum(TensorFile& file);
/// Throws DataError that names the file, of the metadata's `format`, unless it is as it was then;
/// `kind` says in the message what was expected.
void require_intact(const TensorFile& file, const std::filesystem::path& path,
                    const std::string& format, const std::string& kind);

}  // namespace gradus
