// SPDX-License-Identifier: MIT
// A thread pool of C++: jobs of any callable, futures with their types, exceptions for the thread that asks.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thrum.hpp>
#include <vector>

static std::size_t measure(const std::string &page) {
    if (page.empty()) throw std::invalid_argument("an empty page");
    return page.size();
}

int main() {
    thrum::executor pool(4);

    std::vector<thrum::future<std::size_t>> sizes;
    for (const char *page : {"one", "three", ""}) sizes.push_back(pool.submit(measure, page));
    for (const thrum::future<std::size_t> &size : sizes) {
        try {
            std::printf("a page of %zu bytes\n", size.get());
        } catch (const std::invalid_argument &refused) {
            std::printf("no size: %s\n", refused.what());
        }
    }

    const std::string line =
        pool.submit([](std::string text) { return text + " and moved out"; }, "moved in").get();
    std::printf("%s\n", line.c_str());

    pool.shutdown();
    try {
        pool.submit([] {}).get();
    } catch (const thrum::error &error) {
        std::printf("refused: %s\n", thrum_result_name(error.result()));
    }
    return 0;
}
