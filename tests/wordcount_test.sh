#!/bin/bash
# SPDX-License-Identifier: MIT
# The example wordcount against find, tr, sort and uniq, on trees with all that a tree can hold.
#     wordcount_test.sh SOURCE_DIR BUILD_DIR
set -u
export LC_ALL=C
wordcount=$2/examples/wordcount
[ -x "$wordcount" ] || { echo "no examples in this build"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'chmod -R u+rwx "$dir" 2>/dev/null; rm -rf "$dir"' EXIT
failures=0
program=("$wordcount") # what agree runs

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

is_binary() { [ "$(head -c 8192 -- "$1" | tr -d '\0' | wc -c)" -ne "$(head -c 8192 -- "$1" | wc -c)" ]; }

# expect DIR: writes the twenty commonest words and the two sums as wordcount should print them.
expect() {
    local file files=0
    : >"$dir/words"
    while IFS= read -r -d '' file; do
        [ -r "$file" ] || continue
        is_binary "$file" && continue
        files=$((files + 1))
        { cat -- "$file"; echo; } | tr -cs 'A-Za-z' '\n' | tr 'A-Z' 'a-z' | grep . >>"$dir/words"
    done < <(find "$1" -type f -print0)
    sort "$dir/words" | uniq -c | sort -k1,1nr -k2,2 | head -20 | awk '{ printf "%10d %s\n", $1, $2 }'
    echo "$files files, $(wc -l <"$dir/words") words"
}

# agree NAME DIR [ARGUMENT...]: status 0, and the output that expect has left in $dir/expected.
agree() {
    local name=$1 tree=$2 status
    shift 2
    "${program[@]}" "$@" "$tree" >"$dir/out" 2>"$dir/err"
    status=$?
    [ $status -eq 0 ] || fail "$name: exit status $status"
    sed 's/ words, .*/ words/' "$dir/out" | diff "$dir/expected" - || fail "$name: another count"
}

told() { grep -qF -- "$1" "$dir/err" || fail "not told on stderr: $1"; }

has_status() {
    local expected=$1
    shift
    "$@" >"$dir/out" 2>"$dir/err"
    local status=$?
    [ $status -eq "$expected" ] || fail "exit status $status instead of $expected: $*"
}

# --- a tree with everything -----------------------------------------------------------------------
tree=$dir/tree
mkdir -p "$tree/a b/c" "$tree/new"$'\n'"line" "$tree/empty"
printf 'One two, TWO three3three\tthree' >"$tree/plain.txt"
printf 'spaces in the name; it'"'"'s one' >"$tree/a b/two words.txt"
printf 'line break' >"$tree/new"$'\n'"line/also"$'\n'"here"
printf 'dash' >"$tree/-j"
printf 'caf\303\251 na\357ve @[`{ Zz' >"$tree/a b/c/high bytes"
: >"$tree/nothing"
printf 'not\0counted one one one' >"$tree/binary"
{ head -c 8191 /dev/zero | tr '\0' ' '; printf '\0 one'; } >"$tree/binary at the last byte looked at"
{ head -c 8192 /dev/zero | tr '\0' ' '; printf '\0 late one'; } >"$tree/text with a late NUL"
{ head -c 65530 /dev/zero | tr '\0' ' '; printf 'acrossablock end'; } >"$tree/block"
{ head -c 65530 /dev/zero | tr '\0' ' '; printf 'ending'; } >"$tree/exactly a block"
{ head -c 200000 /dev/zero | tr '\0' 'x'; printf ' tail'; } >"$tree/long"
for i in $(seq 300); do
    printf 'word%s common rare%s\n' "$i" "$((i % 40))" | tr '0-9' 'a-j' >"$tree/a b/c/$i"
done
ln -s plain.txt "$tree/link to a file"
ln -s . "$tree/link to its own directory"
ln -s nowhere "$tree/dangling link"
ln -s "self" "$tree/self"
mkfifo "$tree/fifo"
expect "$tree" >"$dir/expected" 2>/dev/null
for kit in --thrum --executor --pthread; do
    for threads in 1 2 16; do
        agree "everything, $kit -j $threads" "$tree" $kit -j $threads
    done
    told "dangling link: No such file or directory"
    told "self: Too many levels of symbolic links"
    told "binary: binary file, not counted"
    told "binary at the last byte looked at: binary file"
    told "fifo: neither a file nor a directory"
    [ "$(wc -l <"$dir/err")" -eq 5 ] || fail "$(wc -l <"$dir/err") lines on stderr instead of 5"
done
agree "the default" "$tree"
agree "a slash at the end" "$tree/"
ln -s tree "$dir/link"
agree "DIR itself a link" "$dir/link"

# --- what must not be read: root reads everything, so a copy of the program runs as another user -----
mkdir -p "$dir/guarded/closed"
echo three words here >"$dir/guarded/open"
echo secret | tee "$dir/guarded/closed/file" >"$dir/guarded/unreadable"
chmod 0 "$dir/guarded/closed" "$dir/guarded/unreadable"
as_user=()
if [ "$(id -u)" -eq 0 ]; then
    as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chmod 755 "$dir"
    install -m 755 "$wordcount" "$dir/wordcount"
    program=("${as_user[@]}" "$dir/wordcount")
fi
if "${as_user[@]}" test -r "$dir/guarded/open"; then
    printf '%10d %s\n' 1 here 1 three 1 words >"$dir/expected"
    echo "1 files, 3 words" >>"$dir/expected"
    for kit in --thrum --executor --pthread; do
        agree "unreadable, $kit" "$dir/guarded" $kit -j 4
        told "unreadable: Permission denied"
        told "closed: Permission denied"
        [ "$(wc -l <"$dir/err")" -eq 2 ] || fail "$(wc -l <"$dir/err") lines on stderr instead of 2"
    done
else
    echo "not tried: unreadable files (cannot become another user)"
fi
program=("$wordcount")

# --- real text ------------------------------------------------------------------------------------
if [ -d /usr/share/doc ]; then
    mkdir "$dir/doc"
    number=0
    while IFS= read -r -d '' file; do
        cp -- "$file" "$dir/doc/$((number += 1))"
    done < <(find /usr/share/doc -type f -readable ! -name '*.gz' -size -200k -print0 | head -z -n 300)
    expect "$dir/doc" >"$dir/expected"
    agree "real text, --thrum" "$dir/doc" --thrum
    agree "real text, --executor" "$dir/doc" --executor
    agree "real text, --pthread" "$dir/doc" --pthread
fi

# --- trees with nothing in them, and none -----------------------------------------------------------
mkdir "$dir/bare"
echo "0 files, 0 words" >"$dir/expected"
agree "an empty tree" "$dir/bare"
told "no text files"
has_status 1 "$wordcount" "$dir/missing"
told "missing: No such file or directory"
has_status 1 "$wordcount" "$tree/plain.txt"
told "plain.txt: Not a directory"
has_status 2 "$wordcount"
has_status 2 "$wordcount" -j 0 "$tree"
has_status 2 "$wordcount" --unknown "$tree"
has_status 2 "$wordcount" "$tree" "$tree"
has_status 0 "$wordcount" --compare "$tree"
grep -qE '^thrum [0-9.]+ s, on its executor [0-9.]+ s, pthread [0-9.]+ s, ratio [0-9.]+$' "$dir/out" || fail "no comparison"
if [ -c /dev/full ]; then
    "$wordcount" "$tree" >/dev/full 2>/dev/null
    [ $? -eq 1 ] || fail "output that cannot be written is not told"
fi

# --- threads refused: an address space for a few stacks, then for none --------------------------------
expect "$tree" >"$dir/expected" 2>/dev/null
for limit in 60000 9000; do
    (ulimit -v $limit && "$wordcount" 2>/dev/null)
    [ $? -eq 2 ] || continue # it cannot even start in so little: built with a sanitizer
    for kit in --thrum --pthread; do
        (ulimit -v $limit && agree "threads refused, $kit" "$tree" $kit -j 64; exit $failures)
        failures=$?
        told "not every thread was started"
    done
done

# --- stopped and changed in the middle: it blocks while nobody reads its stderr ------------------------
name=$(printf '%200s' '' | tr ' ' n)
mkfifo "$dir/stderr"

# begin TREE ARGUMENT...: returns when the program, $pid, waits for a reader of its stderr, $in.
begin() {
    local tree=$1
    shift
    exec {hold}<>"$dir/stderr"
    exec {in}<"$dir/stderr"
    "$wordcount" "$@" "$tree" >"$dir/out" 2>"$dir/stderr" {hold}>&- {in}<&- &
    pid=$!
    until grep -qsE '^(1|64) 0x2 ' /proc/$pid/task/*/syscall; do
        kill -0 $pid 2>/dev/null || { fail "ended before it filled its stderr"; break; }
    done
    exec {hold}>&-
}

# finish STATUS: reads its stderr to the end.
finish() {
    cat <&"$in" >"$dir/err"
    exec {in}<&-
    wait $pid
    local status=$?
    [ $status -eq "$1" ] || fail "exit status $status instead of $1"
}

# The futex in which the first thread sleeps.
sleeps_on() { sed -nE 's/^(202|98) (0x[0-9a-f]+) .*/\2/p' "/proc/$pid/task/$pid/syscall" 2>/dev/null; }

mkdir "$dir/mixed"
for i in $(seq 1000); do
    printf 'counted' >"$dir/mixed/text$i"
    printf '\0' >"$dir/mixed/$name$i"
done
# At rest: every thread waits in the kernel.
at_rest() { ! cat /proc/"$pid"/task/*/syscall 2>/dev/null | grep -q running; }

open_files() { find "/proc/$pid/fd" -lname "$dir/mixed/*" | wc -l; }

# Each thread that has a binary file to tell of waits with the file open: never more than sixteen.
for kit in --thrum --executor --pthread; do
    begin "$dir/mixed" $kit -j 64
    until [ "$(open_files)" -ge 16 ] && at_rest; do kill -0 $pid || break; done
    files=$(open_files)
    [ "$files" -eq 16 ] || fail "$kit: $files files open at once instead of 16"
    finish 0
done

for kit in --thrum --executor --pthread; do
    begin "$dir/mixed" $kit -j 1
    until first=$(sleeps_on) && [ -n "$first" ]; do kill -0 $pid || break; done
    kill -INT $pid
    # It has seen the signal when it has left the event and sleeps in the join.
    until now=$(sleeps_on) && [ -n "$now" ] && [ "$now" != "$first" ]; do kill -0 $pid || break; done
    finish 130
    grep -q 'interrupted$' "$dir/out" || fail "$kit: an interrupted count does not say so"
    files=$(sed -nE 's/^([0-9]+) files, .*/\1/p' "$dir/out")
    words=$(sed -nE 's/^ *([0-9]+) counted$/\1/p' "$dir/out")
    [ "${files:-0}" -gt 0 ] && [ "${files:-0}" -lt 1000 ] || fail "$kit: $files files is not a part of 1000"
    [ "${words:-0}" -eq "${files:-1}" ] || fail "$kit: $words words of $files files"
done

for kit in --thrum --executor --pthread; do
    rm -rf "$dir/vanishing"
    mkdir "$dir/vanishing"
    printf 'stays' >"$dir/vanishing/file"
    for i in $(seq 40); do
        mkdir "$dir/vanishing/gone$i"
        printf 'gone' >"$dir/vanishing/gone$i/file"
        for j in $(seq 25); do ln -s nowhere "$dir/vanishing/$name$i.$j"; done
    done
    begin "$dir/vanishing" $kit -j 1
    rm -rf "$dir/vanishing"/gone*
    finish 0
    grep -qE 'gone[0-9]+: No such file or directory$' "$dir/err" || fail "$kit: a vanished directory is not told"
    grep -q '^1 files, 1 words,' "$dir/out" || fail "$kit: what stayed is not counted: $(tail -1 "$dir/out")"
done

[ $failures -eq 0 ] && echo "all passed"
exit $((failures > 0))
