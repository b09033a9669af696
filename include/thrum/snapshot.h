/* SPDX-License-Identifier: MIT */
/*
 * snapshot: a cell that holds one version of a value, which readers see whole and writers swap whole; a
 * server's settings, a table that is rebuilt, a list of peers.
 *
 * Floor 3, in libthrum. All-zero memory is a cell that holds nothing.
 *
 * Cost        a read is a read section (thrum/rcu.h) and two loads; readers wait for nobody, and writers
 *             never wait for readers. A write takes some memory, and a lock that writers share; it waits
 *             only as a retire does, where more is to be destroyed than thrum/rcu.h allows.
 * Versions    a version is the caller's memory until a set has taken it; from then on the cell's, and nobody
 *             writes it any more. When another has taken its place and no reader can be seeing it, its
 *             `destroy` is called with it, in rcu's helper thread, as thrum/rcu.h says.
 * Freed       after thrum_snapshot_clear, when all calls have returned and no reader is inside.
 * Fork        a child holds the version that the cell held.
 *
 *     static thrum_snapshot settings;
 *
 *     THRUM_WITH_SNAPSHOT(const struct config *now, &settings) {
 *         if (now) limit = now->limit;                          // *now stays as it is in the block
 *     }
 *     ...
 *     if (thrum_snapshot_set(&settings, fresh, free) != THRUM_OK) free(fresh);
 *
 * Memory order: what was written to a version before it was set is seen by its readers; what these did
 * happens before its destroy.
 *
 * Any thread; not signal handlers.
 */
#ifndef THRUM_SNAPSHOT_H
#define THRUM_SNAPSHOT_H

#include <thrum/lock.h>
#include <thrum/rcu.h>

/* What a cell has taken: belongs to the cell. */
typedef struct thrum_version_ {
    thrum_rcu_head head;
    void *value;
    void (*destroy)(void *value);
} thrum_version_;

typedef struct thrum_snapshot {
    thrum_version_ *now_;
    thrum_lock writers_;
} thrum_snapshot;

#define THRUM_SNAPSHOT_INIT {THRUM_NULL_, THRUM_LOCK_INIT}

THRUM_BEGIN_DECLS

THRUM_INLINE const void *thrum_snapshot_now_(const thrum_snapshot *snapshot) {
    const thrum_version_ *const now = thrum_rcu_read(&snapshot->now_);
    return now ? now->value : NULL;
}

/*
 * The version that the cell holds, NULL if none: it stays until thrum_snapshot_read_end, which is to be
 * called in any case. Reads nest, also with those of other cells; each is a section of rcu's.
 */
THRUM_INLINE const void *thrum_snapshot_read_begin(const thrum_snapshot *snapshot) {
    thrum_rcu_read_begin();
    return thrum_snapshot_now_(snapshot);
}
THRUM_INLINE void thrum_snapshot_read_end(void) {
    thrum_rcu_read_end();
}

/*
 * Puts `value`, which may be NULL, in the place of the version that the cell holds. `destroy`, which may be
 * NULL, is called with it when its turn has come. THRUM_OK; THRUM_NO_MEMORY: nothing has changed, and the
 * value is the caller's. Never waits for readers; may be called by one.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_snapshot_set(thrum_snapshot *snapshot, void *value,
                                                         void (*destroy)(void *value));

/*
 * Makes the next version of the present one, NULL if there is none: returns THRUM_OK with the next one in
 * *next, or why there is none. One writer at a time; it must not write to the same cell.
 */
typedef thrum_result thrum_snapshot_make(const void *now, void *argument, void **next);

/*
 * Lets `make` make the next version and sets it; no other writer comes in between, so no change is lost. What
 * `make` returns; THRUM_NO_MEMORY: it was not called. Unless it is THRUM_OK, nothing has changed. A `make`
 * that ends its thread, or is left by a C++ exception, changes nothing, and the next writer may go on.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_snapshot_update(thrum_snapshot *snapshot,
                                                            thrum_snapshot_make *make, void *argument,
                                                            void (*destroy)(void *value));

/* Holds nothing from now on; what it held is destroyed as above. */
THRUM_API void thrum_snapshot_clear(thrum_snapshot *snapshot);

/*
 * Writes the state as text ("snapshot: a version at 0x55d0c0de", "snapshot: empty"), cut to `size` bytes with
 * its final NUL, and returns the length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_snapshot_describe(const thrum_snapshot *snapshot, char *text, size_t size);

/*
 * Runs the block that follows with the version that the cell holds: `declaration` declares a variable for it.
 * Every way out of the block ends the read, as in thrum/with.h.
 */
#define THRUM_WITH_SNAPSHOT(declaration, snapshot) \
    THRUM_WITH_SNAPSHOT_(THRUM_GUARD_NAME_(__COUNTER__), declaration, snapshot)
#define THRUM_WITH_SNAPSHOT_(name, declaration, snapshot) \
    THRUM_WITH_BLOCK_(name, thrum_rcu_enter_())           \
    for (declaration = thrum_snapshot_value_(snapshot); name.object; thrum_guard_leave_(&name))

THRUM_END_DECLS

/* In C++ a pointer to whatever the declaration says, as a void pointer is in C. */
#ifdef __cplusplus
struct thrum_pointer_ {
    const void *value;
    template <class T> operator const T *() const {
        return static_cast<const T *>(value);
    }
};
inline thrum_pointer_ thrum_snapshot_value_(const thrum_snapshot *snapshot) {
    return thrum_pointer_{thrum_snapshot_now_(snapshot)};
}
#else
#define thrum_snapshot_value_(snapshot) thrum_snapshot_now_(snapshot)
#endif

#endif
