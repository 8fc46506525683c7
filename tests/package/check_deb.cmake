# Makes the Debian packages of a build and looks at what they say and hold.
#   cmake -D BUILD=... -D WORK=... -D VERSION=... -P check_deb.cmake
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

foreach(tool dpkg-deb dpkg-shlibdeps file)
  # find_program looks for nothing where its variable is set.
  unset(found)
  find_program(found ${tool} NO_CACHE)
  if(NOT found)
    message(STATUS "skipped: no ${tool} (the packages dpkg, dpkg-dev and file)")
    return()
  endif()
endforeach()
file(REMOVE_RECURSE "${WORK}")
run(${CMAKE_CPACK_COMMAND} -G DEB --config "${BUILD}/CPackConfig.cmake" -B "${WORK}")
file(GLOB program "${WORK}/gradus_${VERSION}*.deb")
file(GLOB development "${WORK}/libgradus-dev_${VERSION}*.deb")

# expect(PACKAGE REGEX...): of what dpkg-deb says of it and lists in it
function(expect package)
  run(dpkg-deb -I "${package}")
  set(text "${output}")
  run(dpkg-deb -c "${package}")
  string(APPEND text "${output}")
  foreach(regex IN LISTS ARGN)
    if(NOT text MATCHES "${regex}")
      message(FATAL_ERROR "${package}: no match for ${regex} in\n${text}")
    endif()
  endforeach()
endfunction()

expect("${program}" "Version: ${VERSION}" "Depends: [^\n]*libc6 " "Depends: [^\n]*libdnnl"
       "Depends: [^\n]*libfmt" "Depends: [^\n]*libgomp1" "Depends: [^\n]*libmd0"
       "Depends: [^\n]*libpng16" "Depends: [^\n]*zlib1g" "Recommends: curl\n" "Suggests: [^\n]*dataset-fashion-mnist"
       "/usr/share/doc/gradus/copyright"
       "/usr/bin/ssgan" "/usr/lib/[^\n]*libgradus_nn.so.${VERSION}")
# A build for any processor brings faster libraries for newer ones.
if(NOT "${program}" MATCHES "native")
  expect("${program}" "glibc-hwcaps/x86-64-v3/libgradus_tensor.so" "x86-64-v4/libgradus_tensor.so")
endif()
expect("${development}" "Depends: gradus \\(= ${VERSION}" "libfmt-dev"
       "/usr/include/gradus/tensor/tensor.h" "/gradusConfig.cmake" "/gradus.pc"
       "/usr/share/doc/libgradus-dev/copyright"
       "/libgradus_tensor.so -> ")
run(dpkg-deb -c "${development}")
if(output MATCHES "/cpu/|checks\\.h|_plugin\\.h|bin/ssgan")
  message(FATAL_ERROR "libgradus-dev holds what it should not:\n${output}")
endif()
