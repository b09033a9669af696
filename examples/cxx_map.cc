// SPDX-License-Identifier: MIT
// A map of a type: threads that change balances, look-ups that wait for nobody, a visit of all entries.
#include <cstdio>
#include <optional>
#include <string>
#include <thrum.hpp>

namespace {

thrum::map<std::string, long> balances;

std::optional<long> one_more(const long *now) {
    return now ? *now + 1 : 1;
}

void deposit() {
    for (int i = 0; i < 1000; i++)
        if (balances.update("alice", one_more) != THRUM_OK) std::printf("no memory\n");
}

} // namespace

int main() {
    if (balances.put("bob", 7) != THRUM_OK) return 1;
    {
        thrum::thread first(deposit), second(deposit); // the scope ends when both have ended
    }
    if (const auto found = balances.find("alice")) std::printf("alice has %ld\n", *found);
    if (balances.add("bob", 8) == THRUM_EXISTS) std::printf("bob is there\n");
    long sum = 0;
    balances.each([&sum](std::string_view, long balance) { sum += balance; });
    std::printf("%zu have %ld\n", balances.size(), sum);
    balances.remove("bob");
    std::printf("bob is %s\n", balances.contains("bob") ? "there" : "gone");
    return 0;
}
