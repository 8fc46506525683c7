# What `cmake --install` and the packages put where: the program, the libraries, and for those who
# build on them the headers, a CMake package and a pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(libraries gradus_tensor gradus_autograd gradus_data gradus_nn)
list(TRANSFORM GRADUS_LEVELS PREPEND gradus_tensor_ OUTPUT_VARIABLE for_levels)
set_target_properties(${libraries} ${for_levels} PROPERTIES VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
foreach(library IN LISTS libraries)
  string(REPLACE gradus_ "" name ${library})
  set_target_properties(${library} PROPERTIES EXPORT_NAME ${name})
endforeach()
# Where the program and the libraries find each other, wherever the prefix or the build is moved to.
# The build has the same paths: had it others, CMake would pad the shorter one with empty elements,
# which the loader takes for the current folder.
file(RELATIVE_PATH to_libraries "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
function(find_libraries_in target)
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "${ARGN}" INSTALL_RPATH_USE_LINK_PATH ON)
  if(NOT CMAKE_SKIP_INSTALL_RPATH)
    set_target_properties(${target} PROPERTIES BUILD_WITH_INSTALL_RPATH ON)
  endif()
endfunction()
foreach(library IN LISTS libraries)
  find_libraries_in(${library} "$ORIGIN")
endforeach()

install(TARGETS ${libraries} EXPORT gradus
        LIBRARY COMPONENT program NAMELINK_COMPONENT development
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(NOT GRADUS_NATIVE)
  foreach(level IN LISTS GRADUS_LEVELS)
    install(TARGETS gradus_tensor_${level}
            LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/glibc-hwcaps/${level}
            COMPONENT program NAMELINK_SKIP)
  endforeach()
endif()
if(TARGET ssgan)
  set(places "$ORIGIN/../lib" "$ORIGIN/${to_libraries}")  # of the build, and when installed
  list(REMOVE_DUPLICATES places)
  find_libraries_in(ssgan "${places}")
  install(TARGETS ssgan COMPONENT program)
endif()
if(TARGET gradus_cuda)  # no part of the Debian packages: its libraries are none of Debian's
  find_libraries_in(gradus_cuda "$ORIGIN")
  install(TARGETS gradus_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT cuda)
endif()
if(TARGET gradus_mpi)  # nor of the packages, which any MPI suits
  find_libraries_in(gradus_mpi "$ORIGIN")
  install(TARGETS gradus_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT mpi)
endif()
install(CODE "
  set(SOURCE [[${PROJECT_SOURCE_DIR}]])
  set(BUILD [[${PROJECT_BINARY_DIR}]])
  set(DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_INCLUDEDIR}\")
  include([[${PROJECT_SOURCE_DIR}/cmake/headers.cmake]])" COMPONENT development)

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/gradus RENAME copyright
        COMPONENT program)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/libgradus-dev RENAME copyright
        COMPONENT development)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/gradus)
install(EXPORT gradus NAMESPACE gradus:: FILE gradusTargets.cmake DESTINATION ${package_dir}
        COMPONENT development)
configure_package_config_file(cmake/gradusConfig.cmake.in gradusConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(gradusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gradusConfig.cmake
        ${PROJECT_BINARY_DIR}/gradusConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT development)

file(RELATIVE_PATH prefix_from_pc "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(cmake/gradus.pc.in gradus.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/gradus.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT development)
