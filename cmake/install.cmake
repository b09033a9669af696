# SPDX-License-Identifier: MIT
# The installed form: headers, libraries, find_package(thrum CONFIG), pkg-config.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/thrum)

install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS thrum-core thrum EXPORT thrum-targets)
install(EXPORT thrum-targets NAMESPACE thrum:: DESTINATION ${package_dir})

configure_package_config_file(cmake/thrum-config.cmake.in thrum-config.cmake
    INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a new minor version may break what the one before promised.
write_basic_package_version_file(thrum-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/thrum-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/thrum-config-version.cmake
        DESTINATION ${package_dir})

# The .pc files find their prefix from where they lie, so that `cmake --install --prefix` and a
# moved tree stay right.
file(RELATIVE_PATH prefix_from_pc /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
foreach(library thrum-core thrum)
    configure_file(cmake/${library}.pc.in ${library}.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${library}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
