/* SPDX-License-Identifier: MIT */
/*
 * The protocol of src/futex/cond.c, and what lock.c does for it. Each atomic block is one operation on a word, one
 * call of the kernel, or what a thread does alone while it holds the lock.
 *
 * WAITERS threads wait once each; the first TIMED have a deadline, which may pass at any time. A notifier chooses one or
 * more of those in the ring, again and again, until all have returned; those of one notify are a group, of which
 * BATCH are told at once; the last of them tells the next batch. The release of the lock is two steps, and a
 * stranger, like an heir of the lock that gives up, may clear its WAKE at any time and wake what is parked. A
 * waiter that was chosen and that nobody wakes is an invalid end state. MISHAPS interrupted sleeps and stray
 * wakes may befall sleepers.
 *
 * Each of these must fail, and tests/models/run sees that it does:
 *   DECIDE_EARLY   a waiter whose deadline has passed looks whether it was told before it has the lock
 *   LOOK_THEN_SET  the telling thread looks at the word and then sets it, in two steps
 *   MOVE_MUTE      a waiter that was moved to the lock is not announced to its release
 *   MOVE_LATE      a waiter that is to be moved is announced before it is moved
 *   GROUP_ENDS     the last of a batch does not tell the next one
 *   SLEEP_BLIND    the kernel queues a waiter without a look at its word
 */
#ifndef WAITERS
#define WAITERS 3
#endif
#ifndef TIMED
#define TIMED 1
#endif
#ifndef MISHAPS
#define MISHAPS 1
#endif
#ifndef BATCH
#define BATCH 1
#endif
#ifndef STRANGER
#define STRANGER 1 /* so often does it come */
#endif

mtype = { waiting, asleep, told };
mtype word[WAITERS];
bool queued[WAITERS], moved[WAITERS], woken[WAITERS]; /* the kernel: on its own word, on the lock's, awake again */
bool chosen[WAITERS], tells[WAITERS];
byte group_of[WAITERS];
chan ring = [WAITERS] of { byte };
chan group[WAITERS] = [WAITERS] of { byte }; /* the told ones first */
byte groups; /* notifies that chose somebody */
bool locked, wake_bit;
byte mishaps, over;

inline take_lock() { atomic { !locked -> locked = true; wake_bit = false } }
inline wake_moved(i) {
    d_step {
        for (i : 0 .. WAITERS - 1) {
            if
            :: moved[i] -> moved[i] = false; woken[i] = true
            :: !moved[i]
            fi
        }
        i = 0
    }
}
inline release(saw, i) {
    atomic { locked = false; saw = wake_bit }
    if
    :: saw -> wake_moved(i); saw = false
    :: !saw
    fi
}
inline announce() { wake_bit = true }
inline tell(who, slept) {
#ifdef LOOK_THEN_SET
    slept = (word[who] == asleep);
    word[who] = told;
#else
    atomic { slept = (word[who] == asleep); word[who] = told }
#endif
#ifdef MOVE_LATE
    if
    :: slept -> announce()
    :: !slept
    fi;
#endif
    atomic { if
        :: slept && queued[who] -> queued[who] = false; moved[who] = true
        :: !slept || !queued[who] -> slept = false
        fi }
#if !defined(MOVE_LATE) && !defined(MOVE_MUTE)
    if
    :: slept -> announce()
    :: !slept
    fi;
#endif
    slept = false
}
/* `who`: the first of a group that is not told, WAITERS if all are. */
inline find_untold(whose, who, each, i) {
    d_step {
        who = WAITERS;
        i = 0;
        do
        :: i < len(group[whose]) ->
            group[whose] ? each;
            group[whose] ! each;
            if
            :: word[each] != told && who == WAITERS -> who = each
            :: word[each] == told || who != WAITERS
            fi;
            i++
        :: i == len(group[whose]) -> break
        od;
        each = 0;
        i = 0
    }
}
inline tell_batch(whose, many, last, who, each, slept, i) {
    last = WAITERS;
    do
    :: many == BATCH -> break
    :: many < BATCH ->
        find_untold(whose, who, each, i);
        if
        :: who == WAITERS -> break
        :: who < WAITERS -> last = who; many++
        fi;
        tell(who, slept)
    od;
    atomic {
        if
        :: last < WAITERS -> tells[last] = true
        :: last == WAITERS
        fi;
        many = 0;
        last = 0;
        who = 0
    }
}

proctype waiter(byte me) {
    bool late, saw, slept;
    byte many, last, next, each, i;

    take_lock();
    atomic { word[me] = waiting; ring ! me }
    release(saw, i);
    atomic { if
        :: word[me] == waiting -> word[me] = asleep
        :: word[me] == told -> goto back
        fi }
sleep:
    atomic { if
#ifdef SLEEP_BLIND
        :: queued[me] = true
#else
        :: word[me] == asleep -> queued[me] = true
        :: word[me] == told -> goto back
#endif
        fi }
    atomic { if
        :: woken[me] -> woken[me] = false
        :: (queued[me] || moved[me]) && me < TIMED -> /* its deadline passes */
            queued[me] = false; moved[me] = false; late = true; goto back
        :: (queued[me] || moved[me]) && mishaps -> queued[me] = false; moved[me] = false; mishaps--
        fi }
    if
    :: word[me] == asleep -> goto sleep
    :: word[me] == told
    fi;
back:
#ifdef DECIDE_EARLY
    if
    :: late && word[me] != told -> goto too_late
    :: !late || word[me] == told
    fi;
#endif
    take_lock();
    if
    :: !chosen[me] -> goto unlink
    :: chosen[me]
    fi;
    atomic {
        group[group_of[me]] ?? eval(me);
#ifdef GROUP_ENDS
        goto leave
#else
        if
        :: tells[me] -> skip
        :: !tells[me] -> goto leave
        fi
#endif
    }
#ifndef GROUP_ENDS
    tell_batch(group_of[me], many, last, next, each, slept, i);
#endif
leave:
    release(saw, i);
    goto end_waiter;
#ifdef DECIDE_EARLY
too_late:
    take_lock();
#endif
unlink:
    atomic {
        assert(!chosen[me]);
        ring ?? eval(me) }
    release(saw, i);
end_waiter:
    over++
}

proctype notifier() {
    byte who, whose, many, last, each, i;
    bool slept, saw;

    do
    :: over == WAITERS -> break
    :: nempty(ring) ->
        take_lock();
        atomic {
            many = 0;
            do
            :: nempty(ring) ->
                ring ? who;
                chosen[who] = true;
                group_of[who] = groups;
                group[groups] ! who;
                many++
            :: many -> break /* enough */
            :: empty(ring) -> break
            od;
            who = 0;
            if
            :: many -> many = 0; whose = groups; groups++
            :: !many -> goto leave
            fi }
        tell_batch(whose, many, last, who, each, slept, i);
leave:
        release(saw, i);
        whose = 0
    od
}

proctype stranger() {
    byte times, i;
    bool saw;

    do
    :: over == WAITERS || times == STRANGER -> break
    :: times < STRANGER && wake_bit ->
        atomic { saw = wake_bit; wake_bit = false }
        if
        :: saw -> wake_moved(i); saw = false
        :: !saw
        fi;
        times++
    od
}

init {
    byte i;
    atomic {
        select (mishaps : 0 .. MISHAPS);
        for (i : 0 .. WAITERS - 1) { run waiter(i) }
        run notifier();
        run stranger() }
}
