#pragma once

#include <string>

#include "tensor/communicator.h"

namespace gradus {

/// What libgradus_mpi.so gives, through the C function `gradus_mpi_plugin`. It lies beside
/// libgradus_tensor.so and is opened only where a launcher (mpirun, srun) has started the program
/// as one of several, so that a program costs nothing and starts everywhere without it.
struct MpiPlugin {
  uint64_t abi;  ///< kPluginAbi
  /// "Open MPI 4.1.4"; does not start MPI.
  std::string (*describe)();
  /// Starts MPI. Lives as long as the program, at whose end its destructor ends MPI. Null with the
  /// reason where it cannot start.
  Communicator* (*start)(std::string& reason);
};

/// This program's number among those that a launcher has started together, as the environment has
/// it; 0 where it was started alone.
int launched_rank();
/// Its number among those of them on this machine.
int launched_local_rank();

/// All programs that a launcher has started together with this one; null where it was started
/// alone. Throws Error with the reason where there are several and they cannot reach each other.
Communicator* launched_ranks();

/// The MPI that this build has, "Open MPI 4.1.4", or why it has none: "none: ...".
std::string mpi_report();

}  // namespace gradus
