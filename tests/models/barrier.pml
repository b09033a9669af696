/* SPDX-License-Identifier: MIT */
/*
 * The protocol of src/futex/barrier.c. Each atomic block is one operation on the word or one call of the kernel; a
 * look and the compare-and-swap that expects what it saw are one, for the word holds all that they depend on.
 *
 * THREADS threads meet at a barrier for PARTIES, each until it has met the others ROUNDS times or the barrier is
 * broken for good. The first TIMED have deadlines, which may pass at any time, until they have timed out once. With
 * ACTION the last to come runs one, which may fail. A meddler resets it RESETS times and aborts it ABORTS times at
 * most. MISHAPS sleeps may end for nothing. A party that waits for ever is an invalid end state. Asserted of
 * each cycle: all of its parties meet, or none; each has another index; the action has run, once, before
 * anyone leaves; one that is complete fails by a timeout, an abort or its action alone.
 *
 * Each of these must fail, and tests/models/run sees that it does:
 *   GENERATION_STAYS  a cycle is complete, and the generation is as before
 *   SLEEP_MUTE        who is to sleep does not announce itself
 *   SLEEP_BLIND       the kernel queues a sleeper without a look at the word
 *   WAKE_DROPPED      who completes the cycle wakes nobody
 *   COUNT_STAYS       who times out leaves its count behind
 *   RESET_DRAINS      a reset breaks a cycle whose action runs
 *   RESET_AT_ONCE     a reset makes it whole before those have left who had arrived
 *   ACTING_OPEN       who comes while the action runs counts at once
 *   DOOM_FORGOTTEN    who gives up while the action runs does not break the next cycle
 */
#ifndef PARTIES
#define PARTIES 3
#endif
#ifndef THREADS
#define THREADS 3
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef TIMED
#define TIMED 1
#endif
#ifndef ACTION
#define ACTION 0
#endif
#ifndef RESETS
#define RESETS 1
#endif
#ifndef ABORTS
#define ABORTS 0
#endif
#ifndef MISHAPS
#define MISHAPS 0
#endif
#define CYCLES (ROUNDS * THREADS / PARTIES + RESETS + 1)

#define SLEEPERS 1
#define ACTING 2
#define BROKEN 4
#define MENDING 8
#define DOOMED 16
#define NEWCOMERS_WAIT (ACTING | MENDING)

byte arrived, flags, generation;      /* the word */
bool queued[THREADS], woken[THREADS]; /* the kernel */
byte cycle;                           /* they are numbered, the broken ones, too */
byte came[CYCLES], indices[CYCLES];
bool met[CYCLES], failed[CYCLES], acted[CYCLES], spoiled[CYCLES];
byte mishaps;
bool meddled;

inline wake(i) {
    d_step {
        for (i : 0 .. THREADS - 1) {
            if
            :: queued[i] -> queued[i] = false; woken[i] = true
            :: else
            fi
        }
        i = 0
    }
}
inline wake_if(wakes, i) {
    if
    :: wakes -> wake(i); wakes = false
    :: else
    fi
}

/* Within the step that makes the transition. */
inline complete() {
    arrived = 0;
    flags = flags & ~(SLEEPERS | ACTING | DOOMED);
#ifndef GENERATION_STAYS
    generation++;
#endif
    cycle++
}
inline break_it() { flags = (flags & ~(SLEEPERS | ACTING | DOOMED)) | BROKEN }
inline count_out(wakes) {
    arrived--;
    if
    :: arrived == 0 && (flags & MENDING) ->
        wakes = wakes || (flags & SLEEPERS);
        flags = flags & ~(BROKEN | MENDING | SLEEPERS);
        cycle++
    :: else
    fi
}
inline announce(seen) {
#ifndef SLEEP_MUTE
    flags = flags | SLEEPERS;
#endif
    seen = flags
}

/* The kernel compares the upper half. */
inline fall_asleep(seen, since, or_else) {
    atomic {
        if
#ifdef SLEEP_BLIND
        :: queued[me] = true
#else
        :: flags == seen && generation == since -> queued[me] = true
        :: else -> seen = 0; goto or_else
#endif
        fi
    }
    atomic {
        if
        :: woken[me] -> woken[me] = false
        :: queued[me] && timed -> queued[me] = false; late = true
        :: queued[me] && mishaps -> queued[me] = false; mishaps--
        fi;
        seen = 0
    }
}

proctype party(byte me) {
    byte seen, mine, at, index, rounds, i;
    bool timed = me < TIMED, late, wakes, left;

arrive:
    late = false;
look:
    atomic {
        if
#ifdef ACTING_OPEN
        :: flags & MENDING -> announce(seen); mine = generation
#else
        :: flags & NEWCOMERS_WAIT -> announce(seen); mine = generation
#endif
        :: !(flags & NEWCOMERS_WAIT) && (flags & BROKEN) -> goto refused
        :: else ->
            at = cycle;
            index = arrived;
            mine = generation;
            came[at]++;
            assert(came[at] <= PARTIES);
            if
            :: arrived < PARTIES - 1 -> arrived++; goto meet
            :: arrived == PARTIES - 1 && ACTION -> arrived++; flags = flags | ACTING; goto act
            :: arrived == PARTIES - 1 && !ACTION -> wakes = flags & SLEEPERS; complete(); goto completed
            fi
        fi
    }
    fall_asleep(seen, mine, look);
    if
    :: !late -> goto look
    :: late
    fi;
    atomic {
        late = false;
        if
        :: flags & ACTING ->
#ifndef DOOM_FORGOTTEN
            flags = flags | DOOMED;
#endif
            left = true
        :: !(flags & ACTING) && (flags & MENDING) ->
            wakes = flags & SLEEPERS;
            flags = flags & ~(MENDING | SLEEPERS);
            left = true
        :: else -> goto look
        fi
    }
    wake_if(wakes, i);
    goto refused;

meet:
    atomic {
        if
        :: generation != mine -> goto all_met
        :: generation == mine && (flags & BROKEN) -> goto leave
        :: generation == mine && !(flags & BROKEN) && late ->
            wakes = flags & SLEEPERS;
            break_it();
#ifndef COUNT_STAYS
            count_out(wakes);
#endif
            spoiled[at] = true;
            left = true;
            goto failing
        :: else -> announce(seen)
        fi
    }
    fall_asleep(seen, mine, meet);
    goto meet;

act:
    atomic { assert(!acted[at]); acted[at] = true }
    atomic {
        if
        :: flags & BROKEN -> goto leave
        :: !(flags & BROKEN) -> /* it succeeded */
            wakes = flags & SLEEPERS;
            if
            :: flags & DOOMED -> complete(); flags = flags | BROKEN
            :: else -> complete()
            fi
        :: !(flags & BROKEN) -> /* it failed */
            wakes = flags & SLEEPERS;
            break_it();
            count_out(wakes);
            spoiled[at] = true;
            goto failing
        fi
    }
completed:
#ifndef WAKE_DROPPED
    wake_if(wakes, i);
#endif
    wakes = false;
all_met:
    atomic {
        assert(came[at] == PARTIES && !failed[at]);
        assert(!ACTION || acted[at]);
        assert(!(indices[at] & (1 << index)));
        met[at] = true;
        indices[at] = indices[at] | (1 << index);
        at = 0;
        index = 0;
        mine = 0;
        rounds++;
        if
        :: rounds == ROUNDS -> goto done
        :: else -> goto arrive
        fi
    }

leave:
    atomic { assert(flags & BROKEN); count_out(wakes) }
failing:
    wake_if(wakes, i);
    atomic {
        assert(!met[at]);
        assert(came[at] < PARTIES || spoiled[at]);
        failed[at] = true
    }
refused:
    atomic {
        timed = timed && !left;
        at = 0;
        index = 0;
        mine = 0;
        if
        :: left && RESETS == 0 -> goto done /* it does not come again */
        :: !(flags & BROKEN) || (flags & MENDING) -> left = false; goto arrive
        :: (flags & BROKEN) && !(flags & MENDING) && meddled -> goto done
        fi
    }
done:
    skip
}

proctype meddler() {
    byte resets, aborts, i;
    bool wakes;

    do
    :: resets < RESETS ->
        atomic {
            resets++;
            wakes = flags & SLEEPERS;
            if
#ifndef RESET_DRAINS
            :: flags & ACTING -> wakes = false
#endif
            :: !(flags & ACTING) && arrived == 0 && !(flags & BROKEN) -> wakes = false
            :: !(flags & ACTING) && arrived == 0 && (flags & BROKEN) ->
                flags = flags & ~(BROKEN | MENDING | SLEEPERS);
                cycle++
#ifdef RESET_AT_ONCE
            :: !(flags & ACTING) && arrived > 0 -> arrived = 0; flags = 0; cycle++
#else
            :: !(flags & ACTING) && arrived > 0 -> break_it(); flags = flags | MENDING
#endif
#ifdef RESET_DRAINS
            :: flags & ACTING -> break_it(); flags = flags | MENDING
#endif
            fi
        }
        wake_if(wakes, i)
    :: aborts < ABORTS ->
        atomic {
            aborts++;
            wakes = flags & SLEEPERS;
            break_it();
            flags = flags & ~MENDING;
            spoiled[cycle] = true
        }
        wake_if(wakes, i)
    :: break
    od;
    meddled = true
}

init {
    byte i;
    atomic {
        mishaps = MISHAPS;
        for (i : 0 .. THREADS - 1) { run party(i) }
        run meddler()
    }
}
