#include <omp.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "apps/ssgan/commands/flags.h"
#include "apps/ssgan/errors.h"
#include "apps/ssgan/run/progress.h"
#include "apps/ssgan/say.h"
#include "tensor/backend.h"
#include "tensor/cuda_plugin.h"
#include "tensor/mpi_plugin.h"

namespace gradus::ssgan {

void RuntimeFlags::add(CLI::App& app) {
  app.add_option("--device", device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--threads", threads, "CPU threads (else $OMP_NUM_THREADS, else all)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--precision", precision, "fp32, or tf32 where a CUDA device computes")
      ->check(one_of({"fp32", "tf32"}))
      ->capture_default_str();
  app.add_flag("--no-graph", no_graph,
               "Run each step anew instead of replaying it (the CPU always does)");
  app.add_flag("--allow-nondeterministic", allow_nondeterministic,
               "Take faster convolutions on a CUDA device whose bits may differ from run to run");
}

namespace {

Device parse_device(const std::string& text) {
  if (text == "cpu") return kCpu;
  if (text == "cuda") return {DeviceKind::cuda, launched_local_rank()};
  if (!text.starts_with("cuda:"))
    throw UsageError(fmt::format("--device {}: expected auto, cpu, cuda or cuda:N", text));
  const std::string index = text.substr(5);
  if (index.empty() || index.size() > 3 ||
      index.find_first_not_of("0123456789") != std::string::npos)
    throw UsageError(fmt::format("--device {}: expected a number after cuda:", text));
  return {DeviceKind::cuda, std::stoi(index)};
}

/// The GPU where there is one, else the CPU; says which.
Device available_device() {
  const CudaReport cuda = cuda_report();
  const Device device = cuda.devices > 0 ? Device{DeviceKind::cuda, launched_local_rank()} : kCpu;
  if (launched_rank() > 0) return device;  // rank 0 says it
  const std::string words = fmt::format("device {}: {}\n", to_string(device),
                                        device.is_cpu() ? cuda.reason : cuda.device);
  say("{}", folded(words, terminal_columns(STDERR_FILENO), 2));
  return device;
}

}  // namespace

void use_threads(int asked) {
  if (asked == 0) asked = omp_get_max_threads();
  const int most = std::max(64, 4 * omp_get_num_procs());
  if (asked > most)
    say("threads: {} on {} processors are too many; {} are used\n", asked, omp_get_num_procs(),
        most);
  omp_set_num_threads(std::min(asked, most));
}

Device RuntimeFlags::resolve() const {
  if (threads > 0) use_threads(threads);
  const Device used = device == "auto" ? available_device() : parse_device(device);
  if (precision == "tf32" && used.is_cpu())
    throw UsageError("--precision tf32: only a CUDA device has it; the CPU computes in fp32");
  backend(used).configure(
      {.tf32 = precision == "tf32", .deterministic = !allow_nondeterministic, .graphs = !no_graph});
  return used;
}

}  // namespace gradus::ssgan
