# SPDX-License-Identifier: MIT
"""Where thrum stands in each row of tools/compare, and the rows counted."""
from compare_contended import contended_by_threads, mean_of
from compare_rows import EVEN, SPINNING

# These come first; the others by name.
ROOMS = ["lock", "rlock", "rwlock", "all", "cond", "monitor", "semaphore", "event", "latch", "once", "barrier"]


def room_order(key):
    room, row, parameters = key
    numbers = [int(part.split(":")[1]) for part in parameters if part.split(":")[1].isdigit()]
    return (ROOMS.index(room) if room in ROOMS else len(ROOMS), room, row, numbers)


def title_of(key):
    return "/".join((key[0], key[1]) + key[2])


def verdict(ours, theirs):
    """Whose time is shorter: by more than EVEN, and with quartiles that do not overlap."""
    if not ours or not theirs or not ours.median() or not theirs.median():
        return ""
    value = ours.median() / theirs.median()
    if value < 1 - EVEN and ours.quartiles()[1] < theirs.quartiles()[0]:
        return "win"
    if value > 1 + EVEN and ours.quartiles()[0] > theirs.quartiles()[1]:
        return "LOSS"
    return "even"


def best_of(libraries, names):
    found = [(libraries[name].median(), name) for name in names if libraries[name].median() is not None]
    return min(found) if found else (None, None)


def rivals_of(room, libraries):
    """The other libraries but pthread; for the lock those that sleep, and apart those that only spin."""
    rivals = [name for name in libraries if name != "pthread" and not name.startswith(("thrum", "limit"))]
    spinning = [name for name in rivals if room == "lock" and name in SPINNING]
    return [name for name in rivals if name not in spinning], spinning


def limit_of(libraries):
    """The least of the limits: processors differ in what is cheapest."""
    return best_of(libraries, [name for name in libraries if name.startswith("limit")])[0]


class Place:
    """thrum in one row, beside the best of the others: the ratio of their times, below 1 is faster."""

    def __init__(self, title, ratio, rival, noisy):
        self.title, self.ratio, self.rival, self.noisy = title, ratio, rival, noisy

    def text(self):
        return f"{self.title} {self.ratio:.2f} ({self.rival}{', within the noise' if self.noisy else ''})"


def places(table):
    """Each row in which thrum has a rival. The contended rows of a number of threads are one, by geometric means."""
    found = []
    for key in sorted((key for key in table if key[1] != "contended"), key=room_order):
        libraries = table[key]
        sleeping, _ = rivals_of(key[0], libraries)
        best, name = best_of(libraries, sleeping + ["pthread"] * ("pthread" in libraries))
        ours = libraries["thrum"].median() if "thrum" in libraries else None
        if ours and best:
            noisy = verdict(libraries["thrum"], libraries[name]) == "even"
            found.append(Place(title_of(key), ours / best, name, noisy))
    for room in ("lock", "spinlock"):
        for threads, libraries in sorted(contended_by_threads(table, room).items()):
            sleeping, _ = rivals_of(room, libraries)
            speeds = {name: mean_of(libraries[name], "per_second") for name in sleeping + ["pthread", "thrum"]
                      if name in libraries}
            ours = speeds.pop("thrum", None)
            speeds = {name: speed for name, speed in speeds.items() if speed}
            if ours and speeds:
                best = max(speeds, key=speeds.get)
                found.append(Place(f"{room}/contended/threads:{threads}", speeds[best] / ours, best, False))
    return found


class Summary:
    """The rows counted: in which thrum is first, within EVEN of the first, and behind."""

    def __init__(self, table):
        found = places(table)
        self.first = [place for place in found if place.ratio <= 1]
        self.close = [place for place in found if 1 < place.ratio <= 1 + EVEN]
        self.behind = sorted((place for place in found if place.ratio > 1 + EVEN), key=lambda place: -place.ratio)

    def line(self):
        return (f"first in {len(self.first)} rows, within {EVEN * 100:.0f} % in {len(self.close)}, behind in "
                f"{len(self.behind)}" + (":" if self.behind else ""))

    def text(self):
        return f"{self.line()} {', '.join(place.text() for place in self.behind)}".rstrip()
