/* SPDX-License-Identifier: MIT */
/* The text of a result; the limit is the load from a table. */
#include "support/bench.h"

#include <string.h>

#include <cerrno>

#include <thrum/result.h>

namespace bench {
namespace {

const char *const table[] = {"zero", "one", "two", "three"};

template <class Ask> void add(const std::string &name, Ask ask) {
    row(name, [ask](benchmark::State &state) {
        int number = 0;
        for (auto _ : state) {
            number = (number + 1) & 3;
            benchmark::DoNotOptimize(ask(number));
        }
    });
}

} // namespace

void rows() {
    add("result/name/thrum", [](int n) { return thrum_result_name(thrum_result(n)); });
    add("result/name/limit", [](int n) { return table[n]; });
    add("result/message/thrum", [](int n) { return thrum_result_message(thrum_result(n)); });
    add("result/message/pthread", [](int n) { return strerror(n); });
    add("result/message/limit", [](int n) { return table[n]; });
}

} // namespace bench
