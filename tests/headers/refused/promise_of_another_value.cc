/* SPDX-License-Identifier: MIT */
/* says: the value is made of the arguments */
#include <thrum/promise.hpp>

#ifdef RIGHT
using value_type = int;
#else
struct value_type {};
#endif

thrum_result set(thrum::promise<long> &size, value_type value);
thrum_result set(thrum::promise<long> &size, value_type value) {
    return size.set_value(value);
}
