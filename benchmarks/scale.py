"""How long counting takes where rows outgrow memory: Parquet on disk, beside bare SQL.

Every run has a process of its own; sides take turns in rounds, and a ratio is the median of the
rounds' ratios to the floor (a bare group-by in DuckDB's SQL with the same sums). Fairlearn's
MetricFrame needs all rows in memory: it is timed at a million rows and extrapolated in proportion,
which is said beside the number.

    python benchmarks/scale.py                          10 million rows
    python benchmarks/scale.py --rows 100_000_000 --rounds 1
    python benchmarks/scale.py --rows 1_000_000 --folder build/scale --results build/scale.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from _scale.child import in_child, run_here


def read_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "skfair-scale")
    parser.add_argument("--tasks", nargs="+", default=[""], help="parts of names of tasks")
    parser.add_argument("--results", type=Path, help="write a JSON file, too")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def measure(folder: Path, rounds: int, names: list[str]) -> list[dict[str, Any]]:
    from _scale.tasks import TASKS

    results = []
    for task, sides in TASKS.items():
        if not any(name in task for name in names):
            continue
        runs = [{side: in_child(task, side, folder) for side in sides} for _ in range(rounds)]
        for side in sides:
            own = [run[side] for run in runs if "error" not in run[side]]
            row: dict[str, Any] = {"task": task, "side": side}
            if not own:
                results.append(row | runs[0][side])
                continue
            row["seconds"] = statistics.median(run["seconds"] for run in own)
            row["peak_mb"] = max(run["peak_mb"] for run in own)
            row["checksum"] = own[0]["checksum"]
            if "bare SQL" in sides:
                row["ratio"] = statistics.median(
                    run[side]["seconds"] / run["bare SQL"]["seconds"]
                    for run in runs
                    if "seconds" in run[side] and "seconds" in run["bare SQL"]
                )
            results.append(row)
            print(line(row), flush=True)
    return results


def line(row: dict[str, Any]) -> str:
    ratio = f", {row['ratio']:.2f} times the floor" if "ratio" in row else ""
    return (
        f"{row['task']}, {row['side']}: {row['seconds']:.2f} s{ratio}, "
        f"peak {row['peak_mb']:.0f} MB, checksum {row['checksum']:.6g}"
    )


def extrapolate(folder: Path, n_rows: int) -> dict[str, Any]:
    from _scale.tasks import PEER_ROWS

    found = in_child("peer", "fairlearn", folder)
    if "error" in found:
        print(f"fairlearn: {found['error']}")
        return {"task": "peer", "side": "fairlearn", **found}
    timed = min(PEER_ROWS, n_rows)
    seconds = found["seconds"] * n_rows / timed
    print(
        f"fairlearn MetricFrame of two metrics: {found['seconds']:.2f} s for {timed:,} rows, "
        f"extrapolated (not measured) {seconds:.0f} s for {n_rows:,}; "
        f"peak {found['peak_mb']:.0f} MB with the rows that were timed"
    )
    return {"task": "peer", "side": "fairlearn", "timed_rows": timed, **found}


def main(arguments: list[str] | None = None) -> None:
    options = read_arguments(arguments)
    if options.child:
        run_here(*options.child, options.folder)
        return
    from _scale.data import write_rows

    folder = write_rows(options.folder, options.rows)
    results = [*measure(folder, options.rounds, options.tasks), extrapolate(folder, options.rows)]
    for row in results:
        if "seconds" in row and row["side"] != "fairlearn":
            row["rows_per_second"] = options.rows / row["seconds"]
    if options.results:
        options.results.parent.mkdir(parents=True, exist_ok=True)
        options.results.write_text(json.dumps({"rows": options.rows, "results": results}, indent=1))


if __name__ == "__main__":
    main()
