/* SPDX-License-Identifier: MIT */
/* says: the future is of what the callable returns */
#include <thrum/executor.hpp>

#ifdef RIGHT
using answer = long;
#else
using answer = int;
#endif

thrum_result submit(thrum::executor &pool, thrum::future<answer> &size);
thrum_result submit(thrum::executor &pool, thrum::future<answer> &size) {
    return pool.submit_to(size, [] { return 1L; });
}
