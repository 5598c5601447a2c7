"""The report: Markdown made from a file of results only."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy as np

from .case import FLOOR, OURS, Case, Size
from .measure import Ratio, median_ratio
from .store import Store
from .tasks import CASES

Cell = dict[str, Any]
UNSURE = " (not for certain: the interval holds 1)"
METHOD = """\
One thread. Each side runs once in a process of its own, forked where the data lie ready: that gives
its peak of memory beyond the data and its answer, and it is stopped at the limit. Those that take
up to 3 s then take turns, forth and back, 3 to 15 rounds (short work repeated to a hundredth of a
second); a ratio is the median of the rounds' ratios, in brackets its 95 % interval by order (the
range, where fewer than 6 rounds), "once" one run of the slower side. "CPU" is the ratio of
processor time. Nothing is extrapolated: a side that took a quarter of the limit or more is not
tried at larger sizes."""


def size_of(cell: Cell) -> Size:
    return Size(*(cell[name] for name in Size._fields))


def seconds(value: float) -> str:
    if value < 1e-3:
        return f"{value * 1e6:.0f} µs"
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"


def plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def took(row: dict[str, Any]) -> float:
    return statistics.median(row["wall"])


def own_time(cell: Cell) -> str:
    """Seconds that skfair took, or why there are none."""
    own = cell["sides"].get(OURS, {"status": "error", "note": cell.get("error", "")})
    return seconds(took(own)) if own["status"] == "ok" else missing_text(cell, own)


def ratio_of(cell: Cell, above: str, below: str, clock: str = "wall") -> Ratio | None:
    sides = cell["sides"]
    if any(sides.get(name, {}).get("status") != "ok" for name in (above, below)):
        return None
    return median_ratio(sides[above][clock], sides[below][clock])


def ratio_text(cell: Cell, above: str, below: str) -> str:
    """A ratio with its interval and that of CPU time; or why there is none."""
    found = ratio_of(cell, above, below)
    if found is None:
        other = above if below == OURS else below
        return missing_text(cell, cell["sides"].get(other, {})) + at_least(cell, above, below)
    cpu = ratio_of(cell, above, below, "cpu")
    known = all(cell["sides"][name]["rounds"] for name in (above, below))
    how = f"[{plain(found.low)}, {plain(found.high)}]" if known else "once"
    return f"x {plain(found.median)} {how}, CPU {plain(cpu.median if cpu else np.nan)}"


def at_least(cell: Cell, above: str, below: str) -> str:
    """What a stopped side's ratio is above."""
    slow, quick = (cell["sides"].get(name, {}).get("status") for name in (above, below))
    if (slow, quick) != ("limit", "ok"):
        return ""
    return f", over x {plain(cell['limit'] / took(cell['sides'][below]))}"


def missing_text(cell: Cell, row: dict[str, Any]) -> str:
    status = row.get("status", "")
    if status == "limit":
        return f"> {cell['limit']:g} s"
    if status == "not tried":
        return f"not tried ({row['note']})"
    return f"error: {row['note']}".replace("|", "/") if status == "error" else status or "-"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def base_cells(store: Store) -> list[tuple[Case, Cell]]:
    """The cell of each case at its base, or the only one of a quick run."""
    found = []
    for case in CASES.values():
        cells = [c for c in store.cells if c["case"] == case.name]
        based = [c for c in cells if size_of(c) == case.base]
        found += [(case, cell) for cell in (based or cells)[:1]]
    return found


def headline(store: Store) -> str:
    rows = []
    for case, cell in base_cells(store):
        start = [case.name, size_of(cell).text, own_time(cell), ratio_text(cell, OURS, FLOOR)]
        peers = [f"{name}: {ratio_text(cell, name, OURS)}" for name in case.peers]
        rows.append([*start, "<br>".join(peers) or "none"])
    return table(
        ["work", "size", "skfair", "of the floor's time", "others, of skfair's time"], rows
    )


def memory(store: Store) -> str:
    rows = []
    for case, cell in base_cells(store):
        peaks = {name: row.get("peak") for name, row in cell["sides"].items()}
        if peaks.get(OURS) is None:
            continue
        told = [f"{n} {plain(peaks[n])}" for n in case.peers if peaks.get(n) is not None]
        floor = peaks.get(FLOOR)
        own = [plain(peaks[OURS]), "-" if floor is None else plain(floor)]
        rows.append([case.name, size_of(cell).text, *own, ", ".join(told) or "-"])
    return table(["work", "size", "skfair, MB", "floor, MB", "others, MB"], rows)


def answers(store: Store) -> str:
    rows = []
    for case, cell in base_cells(store):
        told = {n: r["agreement"] for n, r in cell["sides"].items() if r.get("agreement")}
        rows += [[case.name, name, text] for name, text in told.items() if name != FLOOR]
    return table(
        ["work", "against", "the answer; skfair's in brackets where they may differ"], rows
    )


def what_is_done() -> str:
    return table(
        ["work", "what is timed", "the floor"], [[c.name, c.work, c.floor] for c in CASES.values()]
    )


def growth(store: Store, axis: str) -> str:
    """Time and memory of each case's sides along rows, groups or columns."""
    grown = [(case, *case.grows[axis]) for case in CASES.values() if axis in case.grows]
    values = sorted({value for _, _, own in grown for value in own})
    rows = []
    for case, start, own in grown:
        cells = {value: store.find(case, start._replace(**{axis: value})) for value in own}
        fixed = start._replace(**{axis: 0}).text
        for name in (OURS, *case.peers, FLOOR):
            texts = [growth_text(cells.get(value), name) for value in values]
            if any(texts):
                rows.append([f"{case.name}, {fixed}", name, *texts])
    head = ["work", "side", *(f"{value:,} {axis}" for value in values)]
    return table(head, rows) if rows else ""


def growth_text(cell: Cell | None, name: str) -> str:
    row = (cell or {"sides": {}})["sides"].get(name, {})
    if cell is None or row.get("status", "not installed") == "not installed":
        return ""
    if row["status"] == "not tried":
        return "not tried"
    if row["status"] != "ok":
        return missing_text(cell, row)
    peak = "" if row["peak"] is None else f", {plain(row['peak'])} MB"
    return f"{seconds(took(row))}{peak}"


def behind(store: Store) -> list[str]:
    """Sentences that say where skfair is slower than a peer, or its answer differs."""
    lines = []
    for cell in store.cells:
        where = f"- {cell['case']}, {size_of(cell).text}:"
        for name in CASES[cell["case"]].peers:
            if not name.startswith(OURS):
                lines += [f"{where} {said}." for said in against(cell, name)]
        if cell["sides"].get(OURS, {}).get("status") != "ok":
            lines.append(f"{where} skfair {own_time(cell)}.")
    return lines


def against(cell: Cell, name: str) -> list[str]:
    """What is to be said against skfair, or against the comparison, beside a peer."""
    said, text = [], cell["sides"].get(name, {}).get("agreement", "")
    found = ratio_of(cell, name, OURS)
    if found is not None and found.median < 1:
        sure = "" if found.high < 1 else " (one run)" if np.isnan(found.high) else UNSURE
        said.append(f"skfair takes {1 / found.median:.2f} times as long as {name}{sure}")
    if text.startswith("DIFFERS"):
        said.append(f"the answer of {name} {text}")
    return said


def how_it_was_run(store: Store) -> str:
    found, dates = store.about["machine"], sorted(cell["date"] for cell in store.cells)
    known = [f"{k} {v}" for k, v in found["libraries"].items() if v != "not installed"]
    lines = [
        f"{len(store.cells)} cells, {dates[0]} to {dates[-1]} (UTC), code {store.about['code']}.",
        f"{found['cpu']}, {found['cores']} cores, Python {found['python']}, {', '.join(known)}.",
    ]
    loads = [cell["load"] for cell in store.cells if "load" in cell]
    if loads:
        lines.append(
            f"Load average, with this run's own: median {statistics.median(loads):.1f}, at most "
            f"{max(loads):.1f}. Above 1.5 others were at work, and processor time is the better "
            "guide."
        )
    return "\n".join(f"- {line}" for line in lines) + "\n"


def tables(store: Store) -> str:
    """All but the plot."""
    parts = [
        "Where skfair is slower than a peer in this run:\n",
        "\n".join(behind(store) or ["- Nowhere."]) + "\n",
        headline(store),
        "Most memory beyond the data (of an import: of the interpreter):\n",
        memory(store),
        "Whether the answers are the same:\n",
        answers(store),
    ]
    for axis in Size._fields:
        grown = growth(store, axis)
        parts += [f"## By {axis}\n", grown] if grown else []
    parts += ["## What is timed\n", what_is_done(), "## How it was run\n", METHOD + "\n"]
    return "\n".join([*parts, how_it_was_run(store)])


def write_report(store: Store, file: Path) -> None:
    """Write the Markdown file, and its picture into ``images`` beside it."""
    from .plots import growth_plot

    picture = growth_plot(store, file.parent / "images" / "speed.png")
    title = "# Speed: skfair, its peers, and the least that any program does"
    plot = f"![Time by rows and by groups.](images/{picture})"
    text = f"{title}\n\n{tables(store)}\n{plot}\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
