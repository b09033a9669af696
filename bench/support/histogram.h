/* SPDX-License-Identifier: MIT */
/* Durations in buckets of 1/32 of their size: at most three per cent off, the maximum exact. */
#ifndef THRUM_BENCH_SUPPORT_HISTOGRAM_H
#define THRUM_BENCH_SUPPORT_HISTOGRAM_H

#include <algorithm>
#include <cstdint>
#include <vector>

namespace bench {

class Histogram {
  public:
    void add(uint64_t ns) {
        max_ = std::max(max_, ns);
        buckets_[bucket(ns)]++;
    }

    void merge(const Histogram &other) {
        max_ = std::max(max_, other.max_);
        for (size_t i = 0; i < buckets_.size(); i++) buckets_[i] += other.buckets_[i];
    }

    double max() const {
        return double(max_);
    }

    /* The lower bound of the bucket in which the p-th lies. */
    double percentile(double p) const {
        uint64_t all = 0;
        for (const uint64_t n : buckets_) all += n;
        uint64_t below = uint64_t(p * double(all));
        for (size_t i = 0; i < buckets_.size(); i++) {
            if (below < buckets_[i]) return double(lowest(i));
            below -= buckets_[i];
        }
        return max();
    }

  private:
    static constexpr unsigned bits = 5;
    static constexpr uint64_t steps = 1u << bits;

    /* Up to 2 * steps: the number itself; above: its highest `bits` + 1 bits and how far they lie. */
    static size_t bucket(uint64_t ns) {
        if (ns < 2 * steps) return size_t(ns);
        const unsigned shift = 63u - unsigned(__builtin_clzll(ns)) - bits;
        return size_t(shift * steps + (ns >> shift));
    }
    static uint64_t lowest(size_t bucket) {
        if (bucket < 2 * steps) return bucket;
        const uint64_t shift = bucket / steps - 1;
        return (bucket - shift * steps) << shift;
    }

    uint64_t max_ = 0;
    std::vector<uint64_t> buckets_ = std::vector<uint64_t>((64 - bits) * steps + steps);
};

} // namespace bench

#endif
