// SPDX-License-Identifier: MIT
// Promises: a library that answers by callbacks, used as if it returned futures.
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <thrum.hpp>

// Such a library: it calls `answered` once, in a thread of its own, or drops it when it closes.
static thrum::queue<std::function<void(bool close)>> asked;

static void ask(const std::string &page,
                const std::function<void(int code, const std::string &text)> &answered) {
    const auto answer = [page, answered](bool close) {
        if (close) return;
        if (page.empty())
            answered(404, "no such page");
        else
            answered(0, "<" + page + ">");
    };
    if (asked.put(answer) != THRUM_OK) answered(503, "closed");
}

// The same with a future. The promise lives as long as the callback, which the library drops.
static thrum::future<std::string> fetch(const std::string &page) {
    auto promise = std::make_shared<thrum::promise<std::string>>();
    ask(page, [promise](int code, const std::string &text) {
        if (code == 0)
            promise->set_value(text);
        else
            promise->set_error(code, text.c_str());
    });
    return promise->get_future();
}

static void print(const char *name, const thrum::future<std::string> &page) {
    thrum_future_failure failure;
    switch (page.wait()) {
    case THRUM_OK:
        std::printf("%s: %s\n", name, page.value()->c_str());
        break;
    case THRUM_FAILED:
        if (thrum_future_error(page.native_handle(), &failure) == THRUM_OK)
            std::printf("%s: error %d, %s\n", name, failure.code, failure.message);
        break;
    default:
        std::printf("%s: %s\n", name, thrum_result_name(page.wait()));
    }
}

int main() {
    const thrum::future<std::string> start = fetch("start"), none = fetch("");
    thrum::thread library([] {
        for (int i = 0; i < 2; i++)
            if (auto answer = asked.get()) (*answer)(false);
    });
    print("start", start);
    print("none", none);
    library.join();

    thrum::future<std::string> unwanted = fetch("unwanted");
    std::printf("cancelled: %s\n", unwanted.cancel() == THRUM_OK ? "yes" : "no");
    const thrum::future<std::string> lost = fetch("lost");
    while (auto answer = asked.try_get()) (*answer)(true); // it closes: nobody answers any more
    print("unwanted", unwanted);
    print("lost", lost);
    return 0;
}
