# SPDX-License-Identifier: MIT
"""The house: floors, rooms, and which room lies on which floor. Read by check-floors, check-rooms."""
import re
from pathlib import Path

# src/<folder>: its floor.
FLOORS = {"atomic": 1, "futex": 2, "rcu": 3, "thread": 4, "work": 5, "pthread": 6, "checked": 6}
# include/thrum.h lies above every room.
ROOF = 7
# Folders of src, and headers of their names, that are no rooms: they are not in the libraries, and not in thrum.h.
APART = {"pthread", "checked"}
# The header that the locks' headers include first in the checked build alone: what it includes is there before them.
FIRST_IF_CHECKED = "thrum/checked.h"
# Rooms without a source file, by folder; every other room lies where its .c file lies.
HEADER_ONLY = {"atomic": "atomic", "cpu": "atomic", "backoff": "atomic", "seqlock": "atomic", "with": "futex"}

# Headers of C++ that no room has: the floor that they lie on. mutex.hpp and condition.hpp lie above the locks' rooms.
OF_CXX = {"error.hpp": "futex", "time.hpp": "futex", "failure.hpp": "thread", "promise.hpp": "work"}


def rooms(root: Path):
    """The stems of the public headers, but for those of no room."""
    return sorted(header.stem for header in (root / "include/thrum").glob("*.h") if header.stem not in APART)


def folder_of(root: Path, room):
    """The folder of src in which a room lives; None where its source is missing."""
    for folder in FLOORS:
        if (root / "src" / folder / f"{room}.c").exists():
            return folder
    return HEADER_ONLY.get(room)


def is_part(stem, sources):
    """Whether a source belongs to the room of another one: <room>_<part>.c."""
    return any(stem.startswith(f"{room}_") for room in sources if room != stem)


def includes(path: Path):
    """(line number, name) of each #include."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if found:
            yield number, found[1]
