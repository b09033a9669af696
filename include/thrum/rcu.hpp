/* SPDX-License-Identifier: MIT */
/*
 * rcu.hpp: a read section for a scope, for C++17.
 *
 *     thrum::read_section reading;                                 // until the end of the scope
 *     use(thrum_rcu_read(&current_sheet));
 *
 * What may be read in it, what it costs, and how a version is published and retired: thrum/rcu.h. For a
 * thrum::shared_mutex, std::shared_lock is that scope.
 */
#ifndef THRUM_RCU_HPP
#define THRUM_RCU_HPP

#if __cplusplus < 201703L
#error "thrum/rcu.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/rcu.h>

THRUM_BEGIN_QUIET_
namespace thrum {

class read_section {
  public:
    read_section() noexcept {
        thrum_rcu_read_begin();
    }
    ~read_section() {
        thrum_rcu_read_end();
    }
    read_section(const read_section &) = delete;
    read_section &operator=(const read_section &) = delete;
};

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
