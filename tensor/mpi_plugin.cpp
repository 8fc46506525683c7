#include "tensor/mpi_plugin.h"

#include <dlfcn.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "tensor/plugin_loader.h"

namespace gradus {
namespace {

struct Loaded {
  const MpiPlugin* plugin = nullptr;
  std::string reason;
};

Loaded load() {
  const std::string path = plugin_path("libgradus_mpi.so");
  if (path.empty()) return {nullptr, "this build has no MPI"};
  // MPI's own parts look for the functions of its library among those of the whole program.
  std::string reason;
  const auto* plugin = static_cast<const MpiPlugin*>(
      open_plugin(path, "gradus_mpi_plugin", RTLD_NOW | RTLD_GLOBAL, "MPI", reason));
  return {plugin, reason};
}

const Loaded& loaded() {
  static const Loaded once = load();
  return once;
}

std::optional<int> number_in(std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const char* text = std::getenv(name)) {
      int number = 0;
      const auto [end, error] = std::from_chars(text, text + std::strlen(text), number);
      if (error == std::errc() && *end == 0) return number;
    }
  return {};
}

}  // namespace

int launched_rank() {
  return number_in({"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"}).value_or(0);
}

int launched_local_rank() {
  return number_in({"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"}).value_or(0);
}

Communicator* launched_ranks() {
  static const std::unique_ptr<Communicator> all = []() -> std::unique_ptr<Communicator> {
    // Open MPI's mpirun, MPICH's (and Slurm's PMI), Slurm's PMIx.
    auto size = number_in({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"});
    if (!size && number_in({"PMIX_RANK"})) size = number_in({"SLURM_STEP_NUM_TASKS"});
    if (size ? *size < 2 : !number_in({"PMIX_RANK"})) return nullptr;
    const std::string launched =
        size ? fmt::format("a launcher has started {} of this program", *size)
             : "a launcher has started this program";
    require<Error>(loaded().plugin, "{}, but {}", launched, loaded().reason);
    std::string reason;
    std::unique_ptr<Communicator> made(loaded().plugin->start(reason));
    require<Error>(made != nullptr, "{}, but MPI does not start: {}", launched, reason);
    require<Error>(!size || made->size() == *size,
                   "{}, but {} knows {} of them: is it the launcher's MPI?", launched,
                   made->describe(), made->size());
    return made;
  }();
  return all && all->size() > 1 ? all.get() : nullptr;
}

std::string mpi_report() {
  return loaded().plugin ? loaded().plugin->describe() : "none: " + loaded().reason;
}

}  // namespace gradus
