"""How long skfair takes, beside its peers and the least that any program does, in one run.

Every case runs skfair, the peers that are installed and a floor (bare numpy, torch or scikit-learn)
on the same data and compares their answers first. A ratio is the median of rounds in which all take
turns on one thread. What takes too long is stopped and listed so, never extrapolated. A run that
was stopped goes on where it was, unless the code, the versions or the machine have changed.

    OMP_NUM_THREADS=1 python benchmarks/speed.py                  all cases at all sizes
    python benchmarks/speed.py --quick --results build/quick.json  small data, no growth
    python benchmarks/speed.py --cases "group metrics" Reweighter
    python benchmarks/speed.py --report docs/speed.md --report-only
    python benchmarks/speed.py --scale --rows 100_000_000          rows on disk: scale.py's table
"""

from __future__ import annotations

import argparse
from pathlib import Path

import scale
from _speed.case import Case, Size
from _speed.report import own_time, tables, write_report
from _speed.store import Store
from _speed.tasks import CASES
from _speed.worker import Limits, preload, run_cell


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", default=[""], help="parts of names of cases")
    parser.add_argument("--quick", action="store_true", help="small data, no growth")
    parser.add_argument("--results", type=Path, default=Path("build/speed.json"))
    parser.add_argument("--limit", type=float, default=20.0, help="seconds a first run may take")
    parser.add_argument("--again", action="store_true", help="measure again what is known")
    parser.add_argument("--report", type=Path, help="write this Markdown file, a plot beside it")
    parser.add_argument("--report-only", action="store_true")
    parser.add_argument("--scale", nargs=argparse.REMAINDER, help="scale.py, with its options")
    return parser.parse_args()


def plan(names: list[str], *, quick: bool) -> list[tuple[Case, Size]]:
    """All base sizes first, then how they grow."""
    cases = [c for c in CASES.values() if any(n.lower() in c.name.lower() for n in names)]
    pairs = [(case, size) for case in cases for size in case.sizes(quick=quick)]
    return sorted(pairs, key=lambda pair: pair[1] != pair[0].base)


def run(options: argparse.Namespace, store: Store) -> None:
    limits = Limits(5.0, 0.3, patient=False) if options.quick else Limits(options.limit)
    preload()
    for case, size in plan(options.cases, quick=options.quick):
        if store.find(case, size) and not options.again:
            continue
        cell = run_cell(case, size, limits, store.skips(case, size, limits.run))
        store.add(cell)
        print(f"{case.name}, {size.text}: skfair {own_time(cell)}", flush=True)


def main() -> None:
    options = read_arguments()
    if options.scale is not None:
        scale.main(options.scale)
        return
    store = Store(options.results, keep=options.report_only)
    if not options.report_only:
        run(options, store)
    if options.report:
        write_report(store, options.report)
        print(f"{options.report} is written")
    else:
        print(tables(store))


if __name__ == "__main__":
    main()
