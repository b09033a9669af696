# SPDX-License-Identifier: MIT
"""What the addresses of a process were: functions and lines of its code, names of its objects. For thrum-run and
thrum-report, which have the addresses and what /proc/self/maps said."""
import bisect
import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple


def time_of(ns):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= size * .9995:
            return f"{ns / size:.3g} {unit}" if ns < 999.5 * size else f"{ns / size:.0f} {unit}"
    return f"{ns} ns"


def segments(path):
    """(type, offset in the file, address, size in the file, size in memory) of an ELF program's segments; None for another
    file."""
    data = path.read_bytes()
    if data[:4] != b"\x7fELF" or data[4] != 2:
        return None
    order = "little" if data[5] == 1 else "big"

    def number(at, size):
        return int.from_bytes(data[at:at + size], order)
    table, entry, entries = number(0x20, 8), number(0x36, 2), number(0x38, 2)
    at = [table + i * entry for i in range(entries)]
    return [(number(a, 4), *(number(a + place, 8) for place in (8, 16, 32, 40))) for a in at]


@lru_cache(maxsize=None)
def loads_of(name):
    """The segments of a file that the loader maps."""
    path = Path(name)
    return [] if not path.is_file() else [segment[1:] for segment in segments(path) or [] if segment[0] == 1]


@lru_cache(maxsize=None)
def objects_of(name):
    """(addresses, [(address, size, name)]) of a file's variables, in order."""
    found = []
    if shutil.which("nm"):
        for option in ([], ["-D"]):
            said = subprocess.run(["nm", "-SC", "--defined-only", *option, name], capture_output=True, text=True).stdout
            for line in said.splitlines():
                if match := re.match(r"([0-9a-f]+) ([0-9a-f]+) [bBdDrRsSgGvVu] (.*)", line):
                    found.append((int(match[1], 16), int(match[2], 16), match[3]))
            if found:
                break
    found.sort()
    return [address for address, *_ in found], found


class Frame(NamedTuple):
    function: str
    line: str  # file:line, or what is known of the place
    file: str  # the whole path of the source; "": not known


class Places:
    """Of one process, from lines of its maps."""

    def __init__(self, lines):
        self.maps, self.known = [], {}
        for line in lines:
            if found := re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ \d+ +(/.*)", line):
                self.maps.append((int(found[1], 16), int(found[2], 16), int(found[4], 16), found[5], "x" in found[3]))

    def program(self):
        return next((Path(path).name for *_, path, executable in self.maps if executable), "?")

    def at(self, address):
        """(file, address in it) of code; None elsewhere."""
        for begin, end, offset, path, executable in self.maps:
            if executable and begin <= address < end:
                at = address - begin + offset
                loads = [s for s in loads_of(path) if s[0] <= at < s[0] + s[2]]
                return path, at - loads[0][0] + loads[0][1] if loads else at, bool(loads)
        return None

    def learn(self, sites):
        """Asks for the lines of many calls at once."""
        by_file = {}
        for site in {site for site in sites if site and site not in self.known}:
            found = self.at(site - 1)  # where the call is, and not what it returns to
            if found and found[2] and shutil.which("addr2line"):
                by_file.setdefault(found[0], []).append((site, found[1]))
            else:
                plain = f"{Path(found[0]).name}+{found[1]:#x}" if found else f"{site:#x}"
                self.known[site] = [Frame("", plain, "")]
        for path, asked in by_file.items():
            said = subprocess.run(["addr2line", "-a", "-i", "-f", "-C", "-e", path], capture_output=True, text=True,
                                  input="".join(f"{at:#x}\n" for _, at in asked)).stdout
            blocks = re.split(r"^0x[0-9a-f]+\n", said, flags=re.M)[1:]
            for (site, at), block in zip(asked, blocks):
                lines = block.splitlines()
                frames = [self.frame(function, line, path, at) for function, line in zip(lines[::2], lines[1::2])]
                self.known[site] = frames or [Frame("", f"{Path(path).name}+{at:#x}", "")]

    @staticmethod
    def frame(function, line, path, at):
        line = line.split(" (")[0]
        plain = f"{Path(path).name}+{at:#x}"
        name = "" if function == "??" else function
        if line.startswith("??"):
            return Frame(name, plain, "")
        return Frame(name, os.path.basename(line), line.rsplit(":", 1)[0])

    def frames(self, site):
        """Of the call that returns to this address: the innermost inlined function first."""
        self.learn([site])
        return self.known[site]

    def place(self, site):
        """The program's own place: what the headers have inlined is left out. "": not known."""
        if not site:
            return ""
        frames = self.frames(site)
        frame = next((frame for frame in frames if not of_the_headers(frame)), frames[-1])
        return f"{frame.function} at {frame.line}" if frame.function else frame.line

    def object(self, address):
        """The variable in which an object lies, with the distance from its beginning; "": not a variable."""
        if not address:
            return ""
        for begin, path in reversed([(begin, path) for begin, _, _, path, _ in self.maps if begin <= address]):
            base = next(low for low, _, _, file, _ in self.maps if file == path)
            loads = loads_of(path)
            if not loads:
                continue
            at = address - base + (loads[0][1] & ~0xfff)
            if not any(low <= at < low + size for _, low, _, size in loads):
                return ""
            addresses, variables = objects_of(path)
            i = bisect.bisect_right(addresses, at) - 1
            if i < 0 or at >= variables[i][0] + max(variables[i][1], 1):
                return ""
            beyond = at - variables[i][0]
            return variables[i][2] + (f"+{beyond}" if beyond else "")
        return ""


def of_the_headers(frame):
    """Whether a frame is a function of include/thrum, which is inlined into its caller."""
    return os.path.basename(os.path.dirname(frame.file)) == "thrum" and frame.file.endswith((".h", ".hpp"))
