# SPDX-License-Identifier: MIT
# liburcu's bp flavour, which any thread may use without registering: the target URCU::bp.
# Installed beside thrum's package, whose users need it too.
find_path(URCU_INCLUDE_DIR urcu/urcu-bp.h)
find_library(URCU_BP_LIBRARY urcu-bp)
find_library(URCU_COMMON_LIBRARY urcu-common)
mark_as_advanced(URCU_INCLUDE_DIR URCU_BP_LIBRARY URCU_COMMON_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(URCU REQUIRED_VARS URCU_BP_LIBRARY URCU_COMMON_LIBRARY
                                  URCU_INCLUDE_DIR
                                  REASON_FAILURE_MESSAGE "install liburcu-dev, or set THRUM_CORE_ONLY")
if(URCU_FOUND AND NOT TARGET URCU::bp)
    add_library(URCU::bp INTERFACE IMPORTED)
    set_target_properties(URCU::bp PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${URCU_INCLUDE_DIR}"
        INTERFACE_LINK_LIBRARIES "${URCU_BP_LIBRARY};${URCU_COMMON_LIBRARY}")
endif()
