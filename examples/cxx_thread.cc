// SPDX-License-Identifier: MIT
// Threads of C++: a callable with arguments, a result, a failure for the hook, a scope that waits.
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thrum.hpp>

static void greet(const std::string &name, int times) {
    for (int i = 0; i < times; i++) std::printf("hello, %s\n", name.c_str());
}

int main() {
    thrum::thread(greet, "thread", 2).join();

    int sum = 0;
    {
        thrum::thread adder([&sum](int a, int b) { sum = a + b; }, 40, 2);
    } // waits for it
    std::printf("the sum is %d\n", sum);

    thrum_set_excepthook([](const thrum_failure *failure) {
        std::printf("%s failed: %s\n", thrum_thread_name(failure->thread).text, failure->message);
    });
    thrum::thread_options options;
    options.name = "reader";
    thrum::thread reader(options, [] { throw std::runtime_error("the line is too long"); });
    reader.join();
    std::printf("the program goes on, and knows: %s\n", reader.failed() ? "it failed" : "it did not fail");

    thrum_shutdown();
    return 0;
}
