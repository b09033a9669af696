// SPDX-License-Identifier: MIT
// A snapshot of a type: settings that a thread reads all the time and that are swapped while it does.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <thrum.hpp>

struct settings {
    int limit;
    std::string name;
    settings(int most, std::string text) : limit(most), name(std::move(text)) {}
};

static thrum::snapshot<settings> current;

static std::unique_ptr<settings> raise_limit(const settings *now) {
    auto next = std::make_unique<settings>(*now); // no other writer comes in between
    next->limit++;
    return next;
}

int main() {
    if (current.emplace(0, "warp") != THRUM_OK) return 1;
    std::atomic<bool> over{false};
    int most = 0;
    thrum::thread reader([&] {
        while (!over)
            if (const auto now = current.read()) most = std::max(most, now->limit);
    });
    for (int i = 0; i < 1000; i++)
        if (current.update(raise_limit) != THRUM_OK) return 1;
    over = true;
    reader.join();
    std::printf("the reader saw a limit beyond 1000: %s\n", most > 1000 ? "yes" : "no");

    const auto mine = current.read();
    if (current.emplace(7, "weft") != THRUM_OK) return 1;
    std::printf("set meanwhile: %s, still read here: %s of %d\n", current.read()->name.c_str(),
                mine->name.c_str(), mine->limit);
    return 0;
}
