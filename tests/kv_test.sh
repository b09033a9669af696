#!/bin/bash
# SPDX-License-Identifier: MIT
# The key-value server answers as its head says, with either table, whatever the packets; and its clients get right answers at once.
#     kv_test.sh SOURCE_DIR BUILD_DIR
set -u
server=$2/examples/kv_server
load=$2/examples/kv_load
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$work"' EXIT

fail() {
    echo "$table: $*"
    exit 1
}

start() { # the threads, and the milliseconds between two surveys
    "$server" --table "$table" --threads "$1" --survey "$2" >"$work/port" &
    pid=$!
    for _ in $(seq 100); do
        port=$(sed -nE "s/^$table: port ([0-9]+)$/\1/p" "$work/port")
        [ -n "$port" ] && return
        sleep 0.1
    done
    fail "it does not say at which port it listens"
}

stop() {
    kill -TERM "$pid"
    wait "$pid"
    local status=$?
    pid=
    [ $status -eq 0 ] || fail "SIGTERM ends it with status $status"
}

# session REQUESTS: the answers to them, sent in one piece, and then each byte for itself.
session() {
    exec 3<>"/dev/tcp/127.0.0.1/$port" || fail "no connection"
    printf '%b' "$1" >&3
    local lines
    lines=$(grep -o '\\n' <<<"$1" | wc -l)
    head -n "$lines" <&3
    exec 3>&-
}

for table in thrum pthread; do
    start 3 5
    answers=$(session 'COUNT\nGET a\nSET a 1\nGET a\nSET a 2 and more\nGET a\nSET b \nGET b\nCOUNT\nDEL a\nDEL a\nGET a\nCOUNT\n')
    expected=$'=0\n-\n+\n=1\n+\n=2 and more\n+\n=\n=2\n+\n-\n-\n=1'
    [ "$answers" = "$expected" ] || fail "answered: $answers"
    answers=$(session 'WHAT a\n\nGET\nLIMIT 3\nSET c 1234\nSET c 123\nGET c\nLIMIT 4096\nSET c 1234\n')
    expected=$'!what?\n!what?\n!what?\n+\n!the value is too long\n+\n=123\n+\n+'
    [ "$answers" = "$expected" ] || fail "answered: $answers"

    # what is no request is refused and changes nothing; a client that stays is closed at the end
    answers=$(session 'LIMIT 12x\nLIMIT -1\nLIMIT 1 2\nLIMIT 99999999999999999999\nSET c 12345678901234567890\nSET c\0 1\nSET c 1234\n')
    expected=$'!what?\n!what?\n!what?\n!what?\n+\n!what?\n+'
    [ "$answers" = "$expected" ] || fail "answered: $answers"

    # a request in two packets, and more answers than a client takes at once
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf 'GE' >&3
    sleep 0.1
    printf 'T c\n' >&3
    read -r -t 60 answer <&3
    [ "$answer" = "=1234" ] || fail "a request in two packets: $answer"
    long=$(printf 'x%.0s' $(seq 4000))
    printf 'SET d %s\n' "$long" >&3
    read -r -t 60 answer <&3
    [ "$answer" = "+" ] || fail "a long value: $answer"
    count=5000
    (for _ in $(seq $count); do echo "GET d"; done >&3) & # they are sent while nobody reads
    sleep 0.5
    head -n $count <&3 | cmp - <(yes "=$long" | head -n $count) || fail "answers were lost"
    exec 3>&-
    for _ in $(seq 100); do # the survey comes round within some milliseconds
        bytes=$(session 'BYTES\n')
        [[ $bytes == =40?? ]] && break
        sleep 0.1
    done
    [[ $bytes == =40?? ]] || fail "the survey found: $bytes"

    # clients that keep to nothing; tools/check --long has 2,000 of them
    "$1/tests/support/kv_fuzz" "$port" "${KV_FUZZ:-200}" || fail "a right client suffers from others"

    for options in "--reads 99" "--reads 50 --pipeline 32 --rate 0" "--reads 0 --pipeline 4 --keys 3"; do
        # shellcheck disable=SC2086  # several words
        "$load" --port "$port" --seconds 1 --connections 6 $options || fail "wrong answers with $options"
    done
    stop
done

# Without descriptors it waits until there are some. It does not spin: with no survey, and no client that asks, what it
# uses in two seconds is 40 looks, and a thread that spins uses all of them. Nor do others that ask make it forget.
table=thrum
start 1 1000000
for _ in $(seq 100); do # until the thread has its own
    find "/proc/$pid/fd" -lname '*eventpoll*' | grep -q . && break
    sleep 0.1
done
limit=0 # the lowest that leaves two numbers free
for free in 1 2; do
    while [ -e "/proc/$pid/fd/$limit" ]; do limit=$((limit + 1)); done
    limit=$((limit + 1))
done
prlimit --pid "$pid" --nofile="$limit"
for fd in 3 4 5; do eval "exec $fd<>/dev/tcp/127.0.0.1/$port"; done
sleep 2
read -r -a times < <(sed 's/.*) //' "/proc/$pid/stat")
[ $((times[11] + times[12])) -lt "$(($(getconf CLK_TCK) / 5))" ] || fail "it spins without descriptors"
exec 4>&-
printf 'COUNT\n' >&5
waited=
for _ in $(seq 1000); do
    printf 'COUNT\n' >&3
    read -r -t 60 _ <&3 || fail "no answer while another waits for a descriptor"
    read -r -t 0.02 waited <&5 && break
done
[ "$waited" = "=0" ] || fail "a connection that had to wait is lost"
stop
exec 3>&- 5>&-

table="the options"
for wrong in "--table x" "--threads 0" "--port 70000" "--survey 0" "--port" "x"; do
    # shellcheck disable=SC2086  # two words
    timeout 10 "$server" $wrong 2>/dev/null >&2
    [ $? -eq 2 ] || fail "$wrong is accepted by the server"
done
for wrong in "" "--port 0" "--port 1 --reads 101" "--port 1 x" "--port 1 --into /nonexistent/x"; do
    # shellcheck disable=SC2086  # several words
    timeout 10 "$load" $wrong 2>/dev/null >&2
    [ $? -eq 2 ] || fail "$wrong is accepted by kv_load"
done
