# GRADUS_MPI=AUTO|ON|OFF: whether the MPI plug-in is built.
set(GRADUS_MPI AUTO CACHE STRING "Build the MPI plug-in: AUTO (where MPI is), ON, OFF")
set_property(CACHE GRADUS_MPI PROPERTY STRINGS AUTO ON OFF)
set(MPI_CXX_SKIP_MPICXX ON)  # its old C++ functions
if(GRADUS_MPI STREQUAL "ON")
  find_package(MPI REQUIRED COMPONENTS CXX)
elseif(NOT GRADUS_MPI STREQUAL "OFF")
  find_package(MPI QUIET COMPONENTS CXX)
endif()
