#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What tools/compare-servers measured as one JSON file, which the page of tools/compare shows.

    compare_servers.py DIRECTORY RATE

DIRECTORY: has figures.txt, a line for each server as printed, and for each a file of percentiles.
"""
import json
import os
import re
import sys

LINE = re.compile(r"(\w+) +(\d+) % reads: p50 (\d+), p90 (\d+), p99 (\d+), p99\.9 (\d+), longest (\d+); at most (\d+) a second")
NAMES = ["p50", "p90", "p99", "p99.9", "longest", "fastest"]
SHARES = [50, 75, 90, 99, 99.9, 99.99]


def percentiles(path):
    """Those of SHARES, each by the line next to it."""
    with open(path, encoding="utf-8") as file:
        points = [tuple(map(float, line.split())) for line in file]
    last = max(share for share, _ in points)
    return [[share, min(points, key=lambda point: abs(point[0] - share))[1]] for share in SHARES if share <= last]


def main():
    folder, rate = sys.argv[1], int(sys.argv[2])
    rows = []
    with open(os.path.join(folder, "figures.txt"), encoding="utf-8") as file:
        for table, reads, *figures in LINE.findall(file.read()):
            rows.append({"table": table, "reads": int(reads), **dict(zip(NAMES, map(int, figures))),
                         "percentiles": percentiles(os.path.join(folder, f"{table}-{reads}.txt"))})
    with open(os.path.join(folder, "servers.json"), "w", encoding="utf-8") as file:
        json.dump({"rate": rate, "rows": rows}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
