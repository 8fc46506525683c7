#pragma once

#include <string>
#include <vector>

#include "apps/ssgan/run/checkpoint.h"

// What the readers of other programs' weights share.

namespace gradus::ssgan {

/// f32 [A0, A1, ...] on the CPU -> [A(axes[0]), A(axes[1]), ...]; `axes` names each axis once,
/// unchecked.
Tensor permute(const Tensor& from, const std::vector<int>& axes);
/// `from` as f32, in our layout by `axes` (none: as it is). Throws DataError that begins with
/// `what` where its type is not f32 or f64, a value is not finite, or its shape is not the one that
/// gives `expected`.
Tensor convert(const std::string& what, const Tensor& from, const Shape& expected,
               const std::vector<int>& axes);
/// Throws DataError that begins with `what` where a value, of f32 on the CPU, is below 0.
void require_not_negative(const std::string& what, const Tensor& t);

/// What a trainer of these options saves before its first step: Adams are 0, statistics 0 and 1.
Checkpoint fresh_checkpoint(const Options& options);

/// The average of D's weights, where there is one, becomes these weights.
void begin_average(std::map<std::string, Tensor>& tensors);

/// What a tensor of Trainer::save is, by its name.
bool is_adam(const std::string& name);
bool is_average(const std::string& name);
bool is_statistic(const std::string& name);
bool is_variance(const std::string& name);

/// "running_var" for "running_variance".
std::string pytorch_name(const std::string& ours);

inline constexpr const char* kNoStatistics =
    "moving averages are absent or were never updated: running statistics are 0 and 1 (evaluate by "
    "--eval-stats batch)";
inline constexpr const char* kNoAdams = "weights alone: both Adams start at 0";

/// "a, b, c, d and 3 more".
std::string listed(const std::vector<std::string>& names);

}  // namespace gradus::ssgan
