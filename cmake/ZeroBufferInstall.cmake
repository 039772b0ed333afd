# Installation: the libraries and their headers, the CMake package `zerobuffer`, a pkg-config file per language and the
# program. Owns where things go; what they are made of stands in cpp/.
include(CMakePackageConfigHelpers)

set(zerobuffer_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/zerobuffer")

install(TARGETS zerobuffer EXPORT zerobufferTargets)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/cpp/include/zerobuffer" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp")
set(zerobuffer_pc_names zerobuffer-cpp)
if(TARGET zerobuffer_c)
  install(TARGETS zerobuffer_c EXPORT zerobufferTargets)
  install(FILES "${PROJECT_SOURCE_DIR}/cpp/include/zerobuffer/zerobuffer.h"
          DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/zerobuffer")
  list(APPEND zerobuffer_pc_names zerobuffer)
endif()
if(TARGET zerobuffer_cli)
  install(TARGETS zerobuffer_cli)
endif()

install(EXPORT zerobufferTargets NAMESPACE zerobuffer:: DESTINATION "${zerobuffer_cmake_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/zerobufferConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/zerobufferConfig.cmake" INSTALL_DESTINATION "${zerobuffer_cmake_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/zerobufferConfigVersion.cmake" COMPATIBILITY SameMajorVersion)
install(FILES "${PROJECT_BINARY_DIR}/zerobufferConfig.cmake" "${PROJECT_BINARY_DIR}/zerobufferConfigVersion.cmake"
        DESTINATION "${zerobuffer_cmake_dir}")

# The pkg-config files find the prefix from where they lie, so that `cmake --install --prefix` may choose it. Where the user
# gave absolute folders, the prefix must not stand before them.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(zerobuffer_pc_PREFIX "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH zerobuffer_pc_up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" zerobuffer_pc_up "${zerobuffer_pc_up}")
  set(zerobuffer_pc_PREFIX "\${pcfiledir}/${zerobuffer_pc_up}")
endif()
foreach(folder IN ITEMS LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${folder}}")
    set(zerobuffer_pc_${folder} "${CMAKE_INSTALL_${folder}}")
  else()
    set(zerobuffer_pc_${folder} "\${prefix}/${CMAKE_INSTALL_${folder}}")
  endif()
endforeach()
foreach(name IN LISTS zerobuffer_pc_names)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in" "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
