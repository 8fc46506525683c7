# GRADUS_PLUGIN_ABI, by which a library and a plug-in know whether they belong together: the first
# digits of a hash of all headers that plug-ins are compiled with, from tensor/cuda_plugin.h and
# tensor/mpi_plugin.h on.
include(headers)
gradus_included_by(${PROJECT_SOURCE_DIR} tensor/cuda_plugin.h headers)
set(hashes "")
foreach(header tensor/cuda_plugin.h tensor/mpi_plugin.h tensor/communicator.h ${headers})
  file(SHA256 ${PROJECT_SOURCE_DIR}/${header} hash)
  string(APPEND hashes ${hash})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${header})
endforeach()
string(SHA256 hash "${hashes}")
string(SUBSTRING ${hash} 0 16 GRADUS_PLUGIN_ABI)
set(GRADUS_PLUGIN_ABI GRADUS_PLUGIN_ABI=0x${GRADUS_PLUGIN_ABI})
