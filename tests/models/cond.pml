/* SPDX-License-Identifier: MIT */
/*
 * The protocol of src/futex/cond.c. The lock is one step; each atomic block is one operation on a waiter's word,
 * one call of the kernel, or what a thread does alone while it holds the lock.
 *
 * WAITERS threads wait once each; some have a deadline, which may pass at any time. A notifier chooses one or
 * more of those in the ring, again and again, until all have returned. A waiter that was chosen and whom nobody
 * wakes is an invalid end state. MISHAPS interrupted sleeps and stray wakes may befall sleepers.
 *
 * Each of these must fail, and tests/models/run sees that it does:
 *   DECIDE_EARLY   a waiter whose deadline has passed looks whether it was chosen before it has the lock
 *   LOOK_THEN_SET  a notifier looks at the word and then sets it, in two steps
 *   WAKE_ONE       a notifier wakes the first sleeper that it chooses, and no other
 *   SLEEP_BLIND    the kernel queues a waiter without a look at its word
 */
#ifndef WAITERS
#define WAITERS 3
#endif
#ifndef MISHAPS
#define MISHAPS 1
#endif

mtype = { waiting, asleep, notified };
mtype word[WAITERS];
bool queued[WAITERS], woken[WAITERS]; /* the kernel */
bool chosen[WAITERS];                 /* ghost: by a notify */
chan ring = [WAITERS] of { byte };
bool locked;
byte mishaps, over;

inline take_lock() { atomic { !locked -> locked = true } }
inline wake(who) {
    if
    :: queued[who] -> queued[who] = false; woken[who] = true
    :: !queued[who]
    fi
}

proctype waiter(byte me) {
    bool timed, late;

    if
    :: timed = true
    :: timed = false
    fi;
    take_lock();
    atomic { word[me] = waiting; ring ! me; locked = false }
    atomic { if
        :: word[me] == waiting -> word[me] = asleep
        :: word[me] == notified -> goto back
        fi }
sleep:
    atomic { if
#ifdef SLEEP_BLIND
        :: queued[me] = true
#else
        :: word[me] == asleep -> queued[me] = true
        :: word[me] == notified -> goto back
#endif
        fi }
    atomic { if
        :: woken[me] -> woken[me] = false
        :: queued[me] && timed -> queued[me] = false; late = true; goto back /* its deadline passes */
        :: queued[me] && mishaps -> queued[me] = false; mishaps--
        fi }
    if
    :: word[me] == asleep -> goto sleep
    :: word[me] == notified
    fi;
back:
#ifdef DECIDE_EARLY
    if
    :: late && word[me] != notified -> goto too_late
    :: !late || word[me] == notified
    fi;
#endif
    take_lock();
    if
    :: word[me] != notified -> goto unlink
    :: word[me] == notified
    fi;
    atomic {
        assert(chosen[me]);
        locked = false; over++ }
    goto end_waiter;
#ifdef DECIDE_EARLY
too_late:
    take_lock();
#endif
unlink:
    atomic {
        assert(!chosen[me]);
        ring ?? eval(me);
        locked = false; over++ }
end_waiter:
    skip
}

proctype notifier() {
    byte who, told;
    bool slept;

    do
    :: over == WAITERS -> break
    :: nempty(ring) ->
        take_lock();
        told = 0;
        do
        :: nempty(ring) ->
            atomic { ring ? who; chosen[who] = true }
#ifdef LOOK_THEN_SET
            slept = (word[who] == asleep);
            word[who] = notified;
#else
            atomic { slept = (word[who] == asleep); word[who] = notified }
#endif
            atomic { if
#ifdef WAKE_ONE
                :: slept && told == 0 -> wake(who)
                :: !slept || told
#else
                :: slept -> wake(who)
                :: !slept
#endif
                fi;
                told++ }
        :: told -> break /* enough */
        :: empty(ring) -> break
        od;
        atomic { who = 0; told = 0; slept = false; locked = false }
    od
}

init {
    byte i;
    atomic {
        select (mishaps : 0 .. MISHAPS);
        for (i : 0 .. WAITERS - 1) { run waiter(i) }
        run notifier() }
}
