/* SPDX-License-Identifier: MIT */
/* says: thrum/mutex.hpp needs C\+\+17 or later */
/* flags: -std=c++14 */
#include <thrum/mutex.hpp>

extern int program_is_not_empty;
