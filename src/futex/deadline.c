/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. Saturating arithmetic on moments; the clock itself is in futex.c.
 *
 * deadline.I1: a moment that is not THRUM_FOREVER fits into an int64_t, the kernel's own clock type.
 *
 * In a circle with futex.c: the clock is there, and a refused wait there naps until a deadline.
 */
#include "../atomic/law.h"
#include <thrum/deadline.h>
#include <thrum/futex.h>

/* deadline.I1 */
static thrum_deadline at(uint64_t now, uint64_t distance) {
    if (distance > (uint64_t)INT64_MAX - now) return THRUM_FOREVER;
    THRUM_LAW(deadline.I1, now + distance <= (uint64_t)INT64_MAX);
    return (thrum_deadline){now + distance};
}

static thrum_deadline after(int64_t amount, uint64_t unit_ns) {
    if (amount <= 0) return THRUM_NOW;
    if ((uint64_t)amount > (uint64_t)INT64_MAX / unit_ns) return THRUM_FOREVER;
    return at(thrum_futex_now_ns(), (uint64_t)amount * unit_ns);
}

thrum_deadline thrum_after_ns(int64_t ns) {
    return after(ns, 1);
}

thrum_deadline thrum_after_us(int64_t us) {
    return after(us, 1000);
}

thrum_deadline thrum_after_ms(int64_t ms) {
    return after(ms, 1000000);
}

/* Rounded up: a product that is not whole loses its fraction in the cast and gains one. */
static uint64_t ns_from_seconds(double seconds) {
    const double ns = seconds * 1e9;
    const uint64_t whole = (uint64_t)ns;
    return whole + ((double)whole < ns);
}

thrum_deadline thrum_after(double seconds) {
    thrum_deadline deadline = THRUM_NOW; /* NaN and negative: already passed */
    if (thrum_deadline_from_seconds(seconds, &deadline) == THRUM_OVERFLOW) return THRUM_FOREVER;
    return deadline;
}

static thrum_result check(double seconds) {
    if (!(seconds >= 0.0)) return THRUM_INVALID; /* NaN compares false */
    return seconds > THRUM_TIMEOUT_MAX ? THRUM_OVERFLOW : THRUM_OK;
}

thrum_result thrum_deadline_from_seconds(double seconds, thrum_deadline *deadline) {
    const thrum_result result = check(seconds);
    if (result == THRUM_OK)
        *deadline = seconds > 0.0 ? at(thrum_futex_now_ns(), ns_from_seconds(seconds)) : THRUM_NOW;
    return result;
}

thrum_result thrum_deadline_ns_from_seconds(double seconds, int64_t *ns) {
    const thrum_result result = check(seconds);
    if (result == THRUM_OK) *ns = (int64_t)ns_from_seconds(seconds); /* THRUM_TIMEOUT_MAX fits */
    return result;
}

bool thrum_deadline_passed(thrum_deadline deadline) {
    if (deadline.ns == THRUM_FOREVER.ns) return false;
    return deadline.ns == 0 || deadline.ns <= thrum_futex_now_ns();
}

void thrum_sleep(thrum_deadline deadline) {
    while (!thrum_deadline_passed(deadline)) thrum_futex_nap(deadline); /* a signal handler ends a nap */
}

uint64_t thrum_deadline_left_ns(thrum_deadline deadline) {
    if (deadline.ns == THRUM_FOREVER.ns) return UINT64_MAX;
    const uint64_t now = deadline.ns ? thrum_futex_now_ns() : 0;
    return deadline.ns > now ? deadline.ns - now : 0;
}
