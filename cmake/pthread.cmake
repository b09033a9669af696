# SPDX-License-Identifier: MIT
# libthrum-pthread.so, which tools/thrum-run loads before a program's other libraries.
file(GLOB pthread_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/pthread/*.c)

# Names and their versions.
set(names ${PROJECT_SOURCE_DIR}/src/pthread/names.map)
include(CheckCSourceCompiles)
check_c_source_compiles("#include <features.h>\n#ifndef __GLIBC__\n#error\n#endif\nint main(void) { return 0; }" THRUM_ON_GLIBC)
set(condition_version_of_x86_64 GLIBC_2.3.2)
set(condition_version_of_aarch64 GLIBC_2.17)
set(condition_version ${condition_version_of_${CMAKE_SYSTEM_PROCESSOR}})
if(THRUM_ON_GLIBC AND condition_version)
    set(names ${PROJECT_BINARY_DIR}/names_with_versions.map)
    configure_file(${PROJECT_SOURCE_DIR}/src/pthread/names_with_versions.map.in ${names} @ONLY)
endif()

add_library(thrum-pthread SHARED ${pthread_sources} $<TARGET_OBJECTS:thrum-core>)
target_include_directories(thrum-pthread PRIVATE ${PROJECT_SOURCE_DIR}/include)
target_compile_features(thrum-pthread PRIVATE c_std_11)
set_target_properties(thrum-pthread PROPERTIES C_EXTENSIONS OFF C_VISIBILITY_PRESET hidden
    LINK_DEPENDS ${names})
target_compile_options(thrum-pthread PRIVATE -fno-semantic-interposition ${library_options})
target_compile_definitions(thrum-pthread PRIVATE $<$<CONFIG:Debug>:THRUM_LAWS>) # src/atomic/law.h
# The program's names come first; of the core's none is to be seen.
target_link_options(thrum-pthread PRIVATE "LINKER:--version-script=${names}"
    LINKER:-z,now LINKER:--no-undefined)
# Its cleanups are found from every instruction, not from calls alone (pthread_sem.c).
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/pthread/pthread_sem.c PROPERTIES COMPILE_OPTIONS -fno-exceptions)
find_package(Threads REQUIRED)
target_link_libraries(thrum-pthread PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
thrum_warnings(thrum-pthread -Wconversion -Wvla -Wcast-qual)
# The debug build checks the order of its own locks, too (docs/locks.md).
target_sources(thrum-pthread PRIVATE $<$<CONFIG:Debug>:${PROJECT_SOURCE_DIR}/src/rcu/rcu_inner_lock.c>)
target_compile_options(thrum-pthread PRIVATE
    "$<$<CONFIG:Debug>:SHELL:-include \"${PROJECT_SOURCE_DIR}/src/rcu/inner_lock.h\">")

# What thrum-run --report loads before it.
add_library(thrum-pthread-report SHARED ${PROJECT_SOURCE_DIR}/src/pthread/report/report.c)
target_include_directories(thrum-pthread-report PRIVATE ${PROJECT_SOURCE_DIR}/include)
target_compile_features(thrum-pthread-report PRIVATE c_std_11)
set_target_properties(thrum-pthread-report PROPERTIES C_EXTENSIONS OFF C_VISIBILITY_PRESET hidden)
target_compile_options(thrum-pthread-report PRIVATE ${library_options})
target_link_libraries(thrum-pthread-report PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
thrum_warnings(thrum-pthread-report -Wconversion -Wvla -Wcast-qual)
