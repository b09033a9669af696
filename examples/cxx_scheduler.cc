// SPDX-License-Identifier: MIT
// A scheduler: sessions that expire when nobody has used them for their time, a heartbeat; and a timer.
#include <chrono>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <thrum.hpp>

using namespace std::chrono_literals;

static thrum::scheduler clock_thread; // calls all functions, one after the other

// The entry is a member: the end of the session cancels it, and waits for a call that runs.
class session {
  public:
    session(std::string user, thrum::semaphore &expired)
        : name(std::move(user)), expiry(clock_thread, [this, &expired] {
              open = false;
              std::printf("%s has expired\n", name.c_str());
              (void)expired.release();
          }) {}
    // One thread at a time. After the cancel no call runs, so what it has changed may be read.
    bool use(std::chrono::milliseconds idle) {
        expiry.cancel();
        return open && expiry.after(idle) == THRUM_OK;
    }

  private:
    std::string name;
    bool open = true;
    thrum::scheduled<std::function<void()>> expiry;
};

static void tell(const thrum_failure *failure) {
    std::printf("a beat failed: %s\n", failure->message);
}

int main() {
    thrum_set_excepthook(tell);
    thrum::semaphore expired(0);
    {
        session ada("ada", expired), ben("ben", expired), eve("eve", expired);
        if (!eve.use(1ms) || !ada.use(3ms) || !ben.use(1h)) return 1;
        expired.acquire();
        expired.acquire();
    } // ben's expiry is cancelled
    std::printf("pending: %zu\n", clock_thread.pending());

    int beats = 0;
    thrum::event enough;
    thrum::scheduled heartbeat(clock_thread, [&] {
        if (++beats == 2) throw std::runtime_error("the second one");
        if (beats == 3) enough.set();
    });
    if (heartbeat.every(1ms) != THRUM_OK) return 1;
    enough.wait();
    std::printf("taken back: %s\n", heartbeat.cancel() ? "yes" : "no");

    thrum::timer late, never; // each on a thread of its own
    if (late.start(
            1ms, [](const char *text) { std::puts(text); }, "a timer's thread") != THRUM_OK)
        return 1;
    if (never.start(1h, [] { std::puts("too late"); }) != THRUM_OK) return 1;
    late.join();
    std::printf("in time: %s\n", never.cancel() ? "yes" : "no");
    return 0;
}
