# Installation: the library and its headers, the CMake package `zerobuffer`, the pkg-config file and the program. Owns where
# things go; what they are made of stands in cpp/.
include(CMakePackageConfigHelpers)

set(zerobuffer_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/zerobuffer")

install(TARGETS zerobuffer EXPORT zerobufferTargets)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/cpp/include/zerobuffer" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp")
if(TARGET zerobuffer_cli)
  install(TARGETS zerobuffer_cli)
endif()

install(EXPORT zerobufferTargets NAMESPACE zerobuffer:: DESTINATION "${zerobuffer_cmake_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/zerobufferConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/zerobufferConfig.cmake" INSTALL_DESTINATION "${zerobuffer_cmake_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/zerobufferConfigVersion.cmake" COMPATIBILITY SameMajorVersion)
install(FILES "${PROJECT_BINARY_DIR}/zerobufferConfig.cmake" "${PROJECT_BINARY_DIR}/zerobufferConfigVersion.cmake"
        DESTINATION "${zerobuffer_cmake_dir}")

# Where the user gave absolute folders, pkg-config must not put the prefix before them.
foreach(folder IN ITEMS LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${folder}}")
    set(zerobuffer_pc_${folder} "${CMAKE_INSTALL_${folder}}")
  else()
    set(zerobuffer_pc_${folder} "\${prefix}/${CMAKE_INSTALL_${folder}}")
  endif()
endforeach()
configure_file("${PROJECT_SOURCE_DIR}/cmake/zerobuffer.pc.in" "${PROJECT_BINARY_DIR}/zerobuffer.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/zerobuffer.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
