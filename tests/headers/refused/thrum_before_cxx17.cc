/* SPDX-License-Identifier: MIT */
/* says: thrum.hpp needs C\+\+17 or later */
/* flags: -std=c++11 */
#include <thrum.hpp>

extern int program_is_not_empty;
