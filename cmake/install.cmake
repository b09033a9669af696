# SPDX-License-Identifier: MIT
# The installed form: headers, libraries, find_package(thrum CONFIG), pkg-config.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/thrum)

install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(libraries thrum-core)
if(NOT THRUM_CORE_ONLY)
    list(APPEND libraries thrum)
    install(FILES cmake/FindURCU.cmake DESTINATION ${package_dir})
endif()
if(TARGET thrum-checked)
    list(APPEND libraries thrum-checked)
endif()
# An export a component: the core's is read without the other, which names liburcu's targets.
foreach(library IN LISTS libraries)
    set(kinds ${library})
    if(TARGET ${library}-shared)
        list(APPEND kinds ${library}-shared)
    endif()
    install(TARGETS ${kinds} EXPORT ${library}-targets)
    install(EXPORT ${library}-targets NAMESPACE thrum:: DESTINATION ${package_dir})
endforeach()

# GDB loads it by itself with the shared library: from its own folder, by the library's place and name.
install(FILES tools/gdb/thrum-gdb.py DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/thrum)
if(THRUM_SHARED)
    install(CODE "file(INSTALL DESTINATION
        \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATAROOTDIR}/gdb/auto-load\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}\"
        TYPE FILE RENAME libthrum-core.so.${PROJECT_VERSION}-gdb.py FILES \"${PROJECT_SOURCE_DIR}/tools/gdb/thrum-gdb.py\")")
endif()
install(PROGRAMS tools/thrum-report DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES tools/thrum_symbols.py tools/report_page.py tools/page_frame.py tools/compare_plot.py tools/thrum-contention.bt
        DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/thrum)
if(TARGET thrum-pthread) # it is loaded, never linked: no export
    install(TARGETS thrum-pthread thrum-pthread-report LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/thrum)
    install(PROGRAMS tools/thrum-run DESTINATION ${CMAKE_INSTALL_BINDIR})
    install(FILES tools/thrum_run_compare.py DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/thrum)
endif()

configure_package_config_file(cmake/thrum-config.cmake.in thrum-config.cmake
    INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a new minor version may break what the one before promised.
write_basic_package_version_file(thrum-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/thrum-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/thrum-config-version.cmake
        DESTINATION ${package_dir})

# The .pc files find their prefix from where they lie, so that `cmake --install --prefix` and a
# moved tree stay right.
set(definitions_from_pc)
if(THRUM_DYNAMIC_TLS)
    set(definitions_from_pc " -DTHRUM_DYNAMIC_TLS")
endif()
file(RELATIVE_PATH prefix_from_pc /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
foreach(library IN LISTS libraries)
    configure_file(cmake/${library}.pc.in ${library}.pc @ONLY)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${library}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

# The manual pages are rendered when they are installed: a build makes the libraries and nothing else.
find_program(SCDOC scdoc)
mark_as_advanced(SCDOC)
if(SCDOC)
    file(GLOB pages CONFIGURE_DEPENDS docs/man/*.scd)
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/man)
    foreach(page IN LISTS pages)
        get_filename_component(name ${page} NAME_WLE) # thrum_lock.3
        string(REGEX MATCH "[0-9]$" section ${name})
        set(rendered ${CMAKE_CURRENT_BINARY_DIR}/man/${name})
        install(CODE "execute_process(COMMAND [[${SCDOC}]] INPUT_FILE [[${page}]] OUTPUT_FILE [[${rendered}]]
                      RESULT_VARIABLE failed)
                      if(failed)
                          message(FATAL_ERROR [[scdoc does not render ${page}]])
                      endif()")
        install(FILES ${rendered} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
    endforeach()
endif()
