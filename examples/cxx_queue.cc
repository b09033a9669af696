// SPDX-License-Identifier: MIT
// A queue of a type: a producer and a consumer, a bound, the smallest first, and the end.
#include <cstdio>
#include <string>
#include <thrum.hpp>

int main() {
    thrum::queue<std::string> lines(2); // the producer waits when two are not taken yet
    thrum::thread consumer([&lines] {
        while (std::optional<std::string> line = lines.get()) {
            std::printf("got %s\n", line->c_str());
            lines.task_done();
        }
        std::printf("no more\n");
    });
    for (const char *word : {"warp", "weft", "thrum"})
        if (lines.put(word) != THRUM_OK) return 1;
    lines.join();
    lines.shutdown();
    consumer.join();

    std::string kept = "kept";
    if (lines.put(std::move(kept)) == THRUM_CLOSED) std::printf("refused, and %s\n", kept.c_str());

    thrum::priority_queue<int> numbers;
    for (int n : {3, 1, 2})
        if (numbers.put(n) != THRUM_OK) return 1;
    while (std::optional<int> n = numbers.try_get()) std::printf("%d\n", *n);
    return 0;
}
