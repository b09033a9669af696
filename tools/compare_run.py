# SPDX-License-Identifier: MIT
"""A run of tools/compare: what it measured and amid what; kept as one JSON file."""
import json
import os
import statistics
from collections import defaultdict

from compare_rows import Row, read

# With more than this share of the processors in other hands, threads did not meet as they should.
BUSY = 0.05


def disturbance(folder, cpus):
    """The shares of the processors that other programs, and other guests of the host, had meanwhile."""
    foreign = stolen = capacity = 0.0
    with open(os.path.join(folder, "load.txt"), encoding="utf-8") as file:
        for line in file:
            used0, steal0, used1, steal1, wall, user, system, ticks = map(float, line.split())
            foreign += max(0.0, (used1 - used0) / ticks - user - system)
            stolen += (steal1 - steal0) / ticks
            capacity += wall * cpus
    return (foreign / capacity, stolen / capacity) if capacity else (0.0, 0.0)


class Run:
    """The table {(room, row, parameters): {library: Row}} and its circumstances."""

    def __init__(self, table, context, cpus, others, lost):
        self.table, self.context, self.cpus, self.lost = table, context, cpus, lost
        self.foreign, self.stolen = others

    @classmethod
    def of_folder(cls, folder):
        table, context = read(folder)
        lost = []
        broken = os.path.join(folder, "broken.txt")
        if os.path.exists(broken):
            with open(broken, encoding="utf-8") as file:
                lost = [text.rstrip() for text in file]
        cpus = os.cpu_count()
        return cls(table, context, cpus, disturbance(folder, cpus) if table else (0.0, 0.0), lost)

    @classmethod
    def of_file(cls, path):
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
        table = defaultdict(lambda: defaultdict(Row))
        for entry in kept["rows"]:
            row = table[entry["room"], entry["row"], tuple(entry["parameters"])][entry["library"]]
            row.errors = entry["errors"]
            row.figures.update(entry["figures"])
        return cls(table, kept["context"], kept["cpus"], (kept["foreign"], kept["stolen"]), kept["lost"])

    @classmethod
    def of(cls, path):
        return cls.of_folder(path) if os.path.isdir(path) else cls.of_file(path)

    def keep(self, path):
        """A row of one library a line, and no more digits than were measured."""
        rows = [json.dumps({"room": room, "row": row, "parameters": parameters, "library": name, "errors": library.errors,
                            "figures": {figure: [float(f"{value:.6g}") for value in values]
                                        for figure, values in library.figures.items()}})
                for (room, row, parameters), libraries in self.table.items() for name, library in libraries.items()]
        head = {"context": {name: value for name, value in self.context.items() if isinstance(value, str)},
                "cpus": self.cpus, "foreign": self.foreign, "stolen": self.stolen, "lost": self.lost}
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps(head)[:-1] + ', "rows": [\n' + ",\n".join(rows) + "\n]}\n")

    def noise(self):
        """The median spread of the physical limits' repetitions."""
        spreads = [libraries["limit"].spread() for libraries in self.table.values() if "limit" in libraries]
        return statistics.median(spreads) if spreads else 0

    def repetitions(self):
        return "/".join(str(count) for count in sorted({len(row.figures["ns"]) for libraries in self.table.values()
                                                        for row in libraries.values() if row.figures["ns"]}))

    def quick(self):
        return self.context.get("quick") == "yes"

    def machine(self):
        return f"{self.context.get('processor', 'unknown processor')}, {self.context.get('kernel', '?')}"
