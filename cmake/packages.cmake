# `cpack -G DEB` in a build folder: gradus (the program and the libraries) and libgradus-dev.
set(CPACK_PACKAGE_VENDOR "Gradus")
set(CPACK_PACKAGE_CONTACT "Gradus maintainers <gradus@example.org>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
if(GRADUS_NATIVE)
  string(APPEND CPACK_PACKAGE_VERSION "+native")  # runs on this machine's processor, or a newer one
endif()
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME gradus)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION
    "ssgan trains the semi-supervised GAN of a tutorial on SVHN; the libraries that it is built on.")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "curl")  # for ssgan data fetch
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "dataset-fashion-mnist")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libgradus-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
    "The headers, the CMake package and the pkg-config file of the libraries in gradus.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "gradus (= ${CPACK_PACKAGE_VERSION}), libfmt-dev")
include(CPack)
