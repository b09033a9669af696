/* SPDX-License-Identifier: MIT */
/*
 * The protocol of src/futex/cond.c, and what lock.c does for it. Each atomic block is one operation on a word, one
 * call of the kernel, or what a thread does alone while it holds the lock.
 *
 * WAITERS threads wait once each; the first TIMED have a deadline, which may pass at any time. A notifier chooses one or
 * more of those in the ring, again and again, until all have returned; those of one notify are a chain. The
 * release of the lock is two steps, and a stranger, as an heir of the lock does that gives up, may clear its
 * WAKE at any time and wake who is parked. A waiter that was chosen and whom nobody wakes is an invalid end
 * state. MISHAPS interrupted sleeps and stray wakes may befall sleepers.
 *
 * Each of these must fail, and tests/models/run sees that it does:
 *   DECIDE_EARLY   a waiter whose deadline has passed looks whether it was told before it has the lock
 *   LOOK_THEN_SET  who tells looks at the word and then sets it, in two steps
 *   MOVE_MUTE      who was moved to the lock is not announced to its release
 *   MOVE_LATE      who is to be moved is announced before it is moved
 *   CHAIN_ENDS     who was told does not tell the next
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
#ifndef STRANGER
#define STRANGER 1 /* so often does it come */
#endif

mtype = { waiting, asleep, told };
mtype word[WAITERS];
bool queued[WAITERS], moved[WAITERS], woken[WAITERS]; /* the kernel: on its own word, on the lock's, awake again */
bool chosen[WAITERS];
byte chain_of[WAITERS];
chan ring = [WAITERS] of { byte };
chan chain[WAITERS] = [WAITERS] of { byte };
byte chains; /* notifies that chose somebody */
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

proctype waiter(byte me) {
    bool late, saw, slept;
    byte next, i;

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
        chain[chain_of[me]] ?? eval(me);
#ifndef CHAIN_ENDS
        if
        :: word[me] == told && len(chain[chain_of[me]]) > 0 -> chain[chain_of[me]] ? <next>
        :: word[me] != told || len(chain[chain_of[me]]) == 0 -> goto leave
        fi
#else
        goto leave
#endif
    }
#ifndef CHAIN_ENDS
    tell(next, slept);
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
    byte who, first, many, i;
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
                if
                :: many == 0 -> first = who
                :: many > 0
                fi;
                chosen[who] = true;
                chain_of[who] = chains;
                chain[chains] ! who;
                many++
            :: many -> break /* enough */
            :: empty(ring) -> break
            od;
            who = 0;
            if
            :: many -> many = 0; chains++
            :: !many -> goto leave
            fi }
        tell(first, slept);
leave:
        release(saw, i);
        first = 0
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
