/* SPDX-License-Identifier: MIT */
/* says: the value is made of the arguments */
#include <string>
#include <thrum/promise.hpp>

#ifdef RIGHT
using value_type = std::string &;
#else
using value_type = const char *;
#endif

thrum_result set(thrum::promise<const std::string &> &text, value_type value);
thrum_result set(thrum::promise<const std::string &> &text, value_type value) {
    return text.set_value(value);
}
