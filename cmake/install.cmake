# What `cmake --install` and the packages put where: the program, the libraries, and for those who
# build on them the headers, a CMake package and a pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(libraries gradus_tensor gradus_autograd gradus_nn)
list(TRANSFORM GRADUS_LEVELS PREPEND gradus_tensor_ OUTPUT_VARIABLE for_levels)
set_target_properties(${libraries} ${for_levels} PROPERTIES VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
foreach(library IN LISTS libraries)
  string(REPLACE gradus_ "" name ${library})
  set_target_properties(${library} PROPERTIES EXPORT_NAME ${name})
endforeach()
# Where the program and the libraries find each other, wherever the prefix is moved to.
set_target_properties(${libraries} PROPERTIES INSTALL_RPATH "$ORIGIN")
file(RELATIVE_PATH to_libraries "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
set_target_properties(ssgan PROPERTIES INSTALL_RPATH "$ORIGIN/${to_libraries}")

install(TARGETS ${libraries} EXPORT gradus
        LIBRARY COMPONENT program NAMELINK_COMPONENT development
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gradus)
if(NOT GRADUS_NATIVE)
  foreach(level IN LISTS GRADUS_LEVELS)
    install(TARGETS gradus_tensor_${level}
            LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/glibc-hwcaps/${level}
            COMPONENT program NAMELINK_SKIP)
  endforeach()
endif()
install(TARGETS ssgan COMPONENT program)
if(TARGET gradus_cuda)  # no part of the Debian packages: its libraries are none of Debian's
  set_target_properties(gradus_cuda PROPERTIES INSTALL_RPATH "$ORIGIN")
  install(TARGETS gradus_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT cuda)
endif()
install(DIRECTORY tensor autograd nn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/gradus
        COMPONENT development FILES_MATCHING PATTERN "*.h" PATTERN cpu EXCLUDE)

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
