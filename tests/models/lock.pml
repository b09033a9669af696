/* SPDX-License-Identifier: MIT */
/*
 * The waiting protocol of src/futex/lock.c. Each atomic block is one operation on the word or one
 * call of the kernel, with what the thread then does alone; a loop of compare-and-swap that depends
 * on the word alone is the operation that succeeds in the end.
 *
 * Free choices: the kind of every acquire (blocking, timed, try); whether a deadline has passed;
 * what a look or a nap sees, so MARK is left out; when the slice is over. MISHAPS stray wakes and
 * interruptions, or fewer, befall parked threads. A park without a deadline ends only by a wake,
 * except in a lock that processes share (SHARED); that of an heir which has not closed the lock has one
 * where WAITERS is set.
 *
 * With PROFILED a waiter may also set WAKE while the lock is held, as it does for a profile (thrum/profile.h).
 *
 * THREADS threads acquire ROUNDS times each. A sleeper whom nobody will wake is an invalid end
 * state. With LIVELOCK, and pan -l: no thread changes the word for ever, unless threads sleep, nap
 * or begin an acquire meanwhile. Each of these must fail, and tests/models/run sees that it does:
 *   RESIGN_MUTE    an heir that resigns clears WAKE, on which another heir may rely, and is silent
 *   RESIGN_ALONE   an heir that resigns appoints nobody
 *   HEIR_BLIND     HEIR is cleared without a look at WAITERS
 *   CLEAR_LATE     WAITERS is cleared after the wake instead of before
 *   RELEASE_BLIND  a release does not see WAKE
 *   PARK_BLIND     WAKE is set without a look at LOCKED
 *   CHOSEN_LEAVES  a chosen sleeper whose deadline has passed leaves without watching
 *   CLOSED_STAYS   an heir that takes the lock leaves CLOSED behind
 *   APPOINT_LOOPS  appoint clears WAITERS alone and wakes again, until it finds a sleeper or no WAITERS
 *                  (with LIVELOCK: a newcomer may set WAITERS each time)
 */
#ifndef THREADS
#define THREADS 3
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef MISHAPS
#define MISHAPS 1
#endif

#define LOCKED 1
#define HEIR 2
#define WAITERS 4
#define CLOSED 8
#define WAKE 16
#define HAS(bits) ((word & (bits)) != 0)
#define WITHOUT(bits) (word & (255 - (bits)))
#define MINE (1 << me)
#define ASLEEP(queue) queue ?? [eval(me)]
/* What a leaving heir clears: WAITERS if there is one to appoint, else HEIR. */
#ifdef CLEAR_LATE
#define LEFT (HAS(WAITERS) -> 0 : HEIR)
#else
#define LEFT (HAS(WAITERS) -> WAITERS : HEIR)
#endif
#ifdef LIVELOCK
#define PROGRESS(name) progress_##name: skip;
#else
#define PROGRESS(name)
#endif

byte word;
/* The kernel: who sleeps on each channel, in order; whom a wake took off it, a bit a thread. */
chan sleepers = [THREADS] of { byte };
chan heirs = [THREADS] of { byte };
byte chosen, told, mishaps;
/* Ghosts: threads that hold the lock, that watch, are about to tell heirs, to appoint, are done. */
byte holders, watching, telling, appointing, done;

inline take(cleared) {
    word = WITHOUT((cleared) | WAKE) | LOCKED;
    timed = false; others = false; closed = false;
    holders++;
    assert(holders == 1)
}
inline tell_heirs() {
    do
    :: heirs ? other -> told = told | (1 << other)
    :: empty(heirs) -> break
    od;
    other = 0; telling--; tells = false
}
inline wake_sleeper() { sleepers ? other; chosen = chosen | (1 << other); other = 0 }
inline wakes_up(queue) { queue ?? eval(me); expected = 0 }
inline remark() { word = word | HEIR | (others -> WAITERS : 0) | (closed -> CLOSED : 0) }

proctype thread(byte me) {
    byte rounds = ROUNDS, expected, other;
    bool timed, others, closed, appoints, tells, holds;

acquire:
    PROGRESS(acquire)
    atomic { holds = false; timed = false;
        if
        :: rounds == 0 -> goto finished
        :: rounds > 0 -> rounds--; goto wait
        :: rounds > 0 -> rounds--; timed = true; goto wait
        :: rounds > 0 -> rounds--; goto try_acquire
        fi }
try_acquire: /* also a timed acquire whose deadline has passed */
    atomic { if
        :: !HAS(LOCKED) -> take(0); goto release
        :: HAS(LOCKED) -> goto acquire
        fi }

wait:
#ifdef PROFILED /* it may ask the holder to release by the slow way */
    atomic { if
        :: HAS(LOCKED) -> word = word | WAKE
        :: true
        fi }
#endif
    atomic { if
        :: !HAS(LOCKED | CLOSED) -> take(0); goto release
        :: HAS(LOCKED | CLOSED) && !HAS(HEIR) -> word = word | HEIR; watching++; goto watch
        :: HAS(LOCKED | CLOSED) && HAS(HEIR) -> word = word | WAITERS; expected = word
        fi }
    atomic { if
        :: word == expected -> sleepers ! me
        :: word != expected -> expected = 0; goto wait
        fi }
    PROGRESS(sleep)
    atomic { if
        :: chosen & MINE -> chosen = chosen & (255 - MINE); expected = 0
#ifdef CHOSEN_LEAVES
        :: timed && (chosen & MINE) -> chosen = chosen & (255 - MINE); expected = 0; goto try_acquire
#endif
        :: timed && ASLEEP(sleepers) -> wakes_up(sleepers); goto try_acquire
        :: !(expected & LOCKED) && ASLEEP(sleepers) -> wakes_up(sleepers); goto stale
#ifdef SHARED
        :: (expected & LOCKED) && ASLEEP(sleepers) -> wakes_up(sleepers)
#endif
        :: mishaps && ASLEEP(sleepers) -> wakes_up(sleepers); mishaps--; goto wait
        :: mishaps && ASLEEP(sleepers) -> wakes_up(sleepers); mishaps--
        fi;
        watching++; others = true; remark(); goto look }
stale: /* a park on a closed and free lock has lasted too long */
    atomic { if
        :: HAS(CLOSED) -> watching++; others = true
        :: !HAS(CLOSED) -> goto wait
        fi }

watch:
    atomic { remark() }
look:
    atomic { if
        :: !HAS(LOCKED) && (closed || !HAS(CLOSED)) -> goto inherit
        :: !closed || HAS(LOCKED)
        fi;
        if
        :: timed -> goto resign
        :: !closed -> closed = true; goto watch
        :: true
        fi }
    atomic { if
        :: !closed -> goto nap
        :: closed && !HAS(LOCKED) -> goto watch
#ifdef PARK_BLIND
        :: !HAS(LOCKED) -> word = word | WAKE; expected = word
#endif
        :: HAS(LOCKED) -> word = word | WAKE; expected = word
        fi }
    atomic { if
        :: word == expected -> heirs ! me
        :: word != expected -> expected = 0; goto watch
        fi }
    PROGRESS(park)
    atomic { if
        :: told & MINE -> told = told & (255 - MINE); expected = 0
        :: (timed || (!closed && (expected & WAITERS))) && ASLEEP(heirs) -> wakes_up(heirs)
#ifdef SHARED
        :: ASLEEP(heirs) -> wakes_up(heirs)
#endif
        :: mishaps && ASLEEP(heirs) -> wakes_up(heirs); mishaps--
        fi;
        remark(); goto look }
nap:
    PROGRESS(nap)
    goto watch;

inherit:
    atomic { if
        :: HAS(LOCKED) -> goto watch
        :: !HAS(LOCKED) -> appoints = HAS(WAITERS); holds = true
        fi;
#ifdef CLOSED_STAYS
        take(LEFT);
#else
        take(LEFT | CLOSED);
#endif
        appointing = appointing + appoints; watching--; goto appoint }
resign:
    atomic { if
        :: !HAS(LOCKED) -> goto inherit
        :: HAS(LOCKED) -> appoints = HAS(WAITERS); tells = HAS(WAKE)
        fi;
        word = WITHOUT(WAKE | (closed -> CLOSED : 0) | LEFT);
#ifdef RESIGN_MUTE
        tells = false;
#endif
#ifdef RESIGN_ALONE
        appoints = false;
#endif
        timed = false; others = false; closed = false;
        appointing = appointing + appoints; telling = telling + tells; watching-- }
    if
    :: atomic { tells -> tell_heirs() }
    :: !tells
    fi;

appoint:
    if
    :: !appoints -> goto left
    :: atomic { appoints && nempty(sleepers) -> wake_sleeper() }
#ifdef CLEAR_LATE
        ; word = WITHOUT(WAITERS)
#endif
    :: appoints && empty(sleepers) -> /* one is about to sleep, or has given up */
#if defined(APPOINT_LOOPS)
        atomic { if
            :: HAS(WAITERS) -> word = WITHOUT(WAITERS); goto appoint
            :: !HAS(WAITERS) -> word = WITHOUT(HEIR)
            fi }
#elif defined(HEIR_BLIND)
        word = WITHOUT(HEIR)
#else
        atomic { tells = HAS(WAITERS); word = WITHOUT(HEIR | WAITERS) }
        if
        :: atomic { tells && nempty(sleepers) -> wake_sleeper() }
        :: !tells || empty(sleepers)
        fi
#endif
    fi;
    atomic { tells = false; appoints = false; appointing-- }
left:
    if
    :: !holds -> goto acquire
    :: holds
    fi;

release:
    atomic {
        assert(HAS(LOCKED));
#ifndef RELEASE_BLIND
        tells = HAS(WAKE);
#endif
        telling = telling + tells; holders--; word = WITHOUT(LOCKED) }
    if
    :: atomic { tells -> tell_heirs() }
    :: !tells
    fi;
    goto acquire;
finished:
    done++
}

/* The invariants, by their numbers in src/futex/lock.c: a step is possible only where one is broken. */
active proctype laws() {
end:
    atomic { if
        :: nempty(sleepers) && !HAS(WAITERS) && !appointing && !chosen -> assert(false) /* lock.I1 */
        :: HAS(HEIR) && !watching && !appointing && !chosen -> assert(false)            /* lock.I2 */
        :: nempty(heirs) && !(HAS(WAKE) && HAS(LOCKED)) && !telling -> assert(false)    /* lock.I3 */
        :: HAS(WAITERS) && !HAS(HEIR) -> assert(false)                                  /* lock.I4 */
        :: done == THREADS -> assert(empty(sleepers) && empty(heirs));
#ifdef PROFILED /* a sleeper that has asked and times out */
            assert(WITHOUT(WAKE) == 0)
#else
            assert(word == 0)
#endif
        fi }
}

init {
    byte i;
    atomic {
        select (mishaps : 0 .. MISHAPS);
        for (i : 0 .. THREADS - 1) { run thread(i) } }
}
