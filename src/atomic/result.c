/* SPDX-License-Identifier: MIT */
/* Floor 1: never sleeps. The texts of the results, made from the header's one list. */
#include <thrum/result.h>

const char *thrum_result_name(thrum_result result) {
#define NAME(name, number, message) \
    case name:                      \
        return #name;
    switch (result) { THRUM_RESULTS_(NAME) }
#undef NAME
    return "THRUM_?";
}

const char *thrum_result_message(thrum_result result) {
#define MESSAGE(name, number, message) \
    case name:                         \
        return message;
    switch (result) { THRUM_RESULTS_(MESSAGE) }
#undef MESSAGE
    return "unknown result";
}
