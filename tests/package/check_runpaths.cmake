# Where the programs and libraries of a build look for libraries.
#   cmake -D BUILD=... -P check_runpaths.cmake
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)
file(GLOB_RECURSE built "${BUILD}/bin/*" "${BUILD}/lib/*" "${BUILD}/levels/*")
check_runpaths(${built})
