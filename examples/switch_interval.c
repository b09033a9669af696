/* SPDX-License-Identifier: MIT */
/* The switch interval: read it, set it, restore it. */
#include "crew.h"

int main(void) {
    const uint64_t before = thrum_get_switch_interval();
    const thrum_result result = thrum_set_switch_interval(5000000);
    /* Linux before 6.12 has no slices that can be set, and says so. */
    const bool supported = result == THRUM_OK;
    printf("set: %s\n",
           supported || result == THRUM_UNSUPPORTED ? "as the kernel can" : thrum_result_name(result));
    printf("five milliseconds now: %s\n", crew_yes(!supported || thrum_get_switch_interval() == 5000000));
    printf("an hour: %s\n", thrum_result_name(thrum_set_switch_interval(3600000000000)));
    const bool restored = !supported || thrum_set_switch_interval(before) == THRUM_OK;
    printf("restored: %s\n", crew_yes(restored && thrum_get_switch_interval() == before));
}
