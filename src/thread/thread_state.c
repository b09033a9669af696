/* SPDX-License-Identifier: MIT */
/* Floor 4. What all its sources share: the lock of the table, and what it knows of the calling thread. */
#include "record.h"

thrum_lock thrum_lives_;
__thread thrum_here_state_ thrum_here_;
