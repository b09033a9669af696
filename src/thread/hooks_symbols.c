/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. What the compiler calls in code compiled with -finstrument-functions. In a member of the archive
 * of its own, which a program that defines these itself does not pull in.
 */
#include <thrum/hooks.h>

THRUM_API void __cyg_profile_func_enter(void *function, void *call_site)
    __attribute__((no_instrument_function));
THRUM_API void __cyg_profile_func_exit(void *function, void *call_site)
    __attribute__((no_instrument_function));

void __cyg_profile_func_enter(void *function, void *call_site) {
    thrum_trace_enter(function, call_site);
}

void __cyg_profile_func_exit(void *function, void *call_site) {
    thrum_trace_exit(function, call_site);
}
