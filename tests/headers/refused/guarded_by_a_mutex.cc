/* SPDX-License-Identifier: MIT */
/* needs: THRUM_ANALYSED_ */
/* flags: -DTHRUM_THREAD_SAFETY -Wthread-safety -Werror */
/* says: writing variable 'served' requires holding */
#include <thrum/mutex.hpp>
#include <thrum/with.h>

class counter {
  public:
    long serve() {
        mutex.lock();
        const long now = ++served;
        mutex.unlock();
        return now;
    }
    void clear() {
#ifdef RIGHT
        THRUM_WITH(&mutex) served = 0;
#else
        served = 0;
#endif
    }

  private:
    thrum::mutex mutex;
    long served THRUM_GUARDED_BY(mutex) = 0;
};

long serve(counter &c);
long serve(counter &c) {
    c.clear();
    return c.serve();
}
