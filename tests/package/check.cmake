# Installs the build into a fresh prefix and builds the consumer from it, by CMake and by pkg-config.
#   cmake -D BUILD=... -D SOURCE=... -D WORK=... -D CXX=... -D GENERATOR=... -D MAKE_PROGRAM=...
#         -D WAY=cmake|pkg-config -P check.cmake
cmake_policy(VERSION 3.24...3.31)
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

set(prefix "${WORK}/prefix")
file(REMOVE_RECURSE "${WORK}")
run(${CMAKE_COMMAND} --install "${BUILD}" --prefix "${prefix}")
# It must not need the build folder, nor the place that it was installed to.
file(RENAME "${prefix}" "${WORK}/moved")
set(prefix "${WORK}/moved")
run("${prefix}/bin/ssgan" --version)
if(NOT output MATCHES "^ssgan ${VERSION}( \\(commit [0-9a-f]+\\))?\n")
  message(FATAL_ERROR "ssgan --version: ${output}")
endif()

file(GLOB_RECURSE installed "${prefix}/bin/*" "${prefix}/lib*/*.so*")
check_runpaths(${installed})

# Public headers alone, which include each other as <gradus/...>.
file(GLOB_RECURSE headers RELATIVE "${prefix}/include" "${prefix}/include/*")
if(NOT "gradus/gradus.h" IN_LIST headers OR NOT "gradus/tensor/tensor.h" IN_LIST headers)
  message(FATAL_ERROR "installed headers: ${headers}")
endif()
foreach(header IN LISTS headers)
  file(STRINGS "${prefix}/include/${header}" quoted REGEX "^ *# *include *\"")
  if(quoted OR NOT header MATCHES "^gradus/.*\\.h$" OR header MATCHES "/cpu/|/checks\\.h|_plugin\\.h")
    message(FATAL_ERROR "${header} is private, or includes something by a path of ours: ${quoted}")
  endif()
endforeach()

if(WAY STREQUAL "cmake")
  # By the build's own tools: a machine need not have any others.
  run(${CMAKE_COMMAND} -G ${GENERATOR} -S "${SOURCE}" -B "${WORK}/consumer"
      -D CMAKE_MAKE_PROGRAM=${MAKE_PROGRAM} -D CMAKE_PREFIX_PATH=${prefix}
      -D CMAKE_CXX_COMPILER=${CXX})
  run(${CMAKE_COMMAND} --build "${WORK}/consumer")
  run("${WORK}/consumer/consumer")
  return()
endif()

find_program(PKG_CONFIG pkg-config)
if(NOT PKG_CONFIG)
  message(STATUS "skipped: no pkg-config")
  return()
endif()
file(GLOB_RECURSE pc "${prefix}/gradus.pc")
get_filename_component(pc_dir "${pc}" DIRECTORY)
set(ENV{PKG_CONFIG_PATH} "${pc_dir}")
run(${PKG_CONFIG} --modversion gradus)
if(NOT output STREQUAL "${VERSION}\n")
  message(FATAL_ERROR "gradus.pc has version ${output}")
endif()
run(${PKG_CONFIG} --cflags --libs gradus)
separate_arguments(flags UNIX_COMMAND "${output}")
run(${CXX} "${SOURCE}/consumer.cpp" -o "${WORK}/consumer" ${flags})
get_filename_component(lib_dir "${pc_dir}" DIRECTORY)
set(ENV{LD_LIBRARY_PATH} "${lib_dir}")
run("${WORK}/consumer")
