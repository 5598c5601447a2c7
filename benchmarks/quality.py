"""What each mitigator buys and costs: skfair and its peers on Adult, German and Heart, in one run.

Repeated splits of 60/20/20: methods are fitted to the first part, values of their knobs chosen on
the second, and everything is reported on the third. A result is kept under a key of its settings,
versions and code, so a run that was stopped goes on where it was, and only what changed is fitted
again. Environments that hold different peers may share one folder of results. Start a long run
from a copy of the code, since what is imported late would else change under it.

    python benchmarks/quality.py                      logistic regression and boosting, Adult by sex
    python benchmarks/quality.py --full               all models, groups, values and repetitions
    python benchmarks/quality.py --peers benchmarks/published    with the peers' published results
    python benchmarks/quality.py --results benchmarks/published --report-only --report build/q.md
    python benchmarks/quality.py --table people.csv --target hired --positive yes --sensitive sex
"""

from __future__ import annotations

import argparse
from pathlib import Path

from _quality.cells import Task, plan, run_task
from _quality.data import SENSITIVE, load_table
from _quality.methods import MODELS
from _quality.registry import methods
from _quality.store import Store, not_imported
from joblib import Parallel, delayed
from tqdm import tqdm

Place = tuple[str, str, range]


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="10 repetitions, all knobs and groups")
    parser.add_argument(
        "--data", nargs="+", choices=[*SENSITIVE], help="adult, german, heart; in short adult"
    )
    parser.add_argument("--groups", nargs="+", help="parts of names of sensitive features")
    parser.add_argument("--models", nargs="+", choices=[*MODELS])
    parser.add_argument("--only", nargs="+", default=[""], help="parts of names of methods")
    parser.add_argument("--skip", nargs="+", default=[], help="parts of names of methods")
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--all-values", action="store_true", help="all eight values of the knobs")
    parser.add_argument("--rows", type=int, default=0, help="rows of each part; 0 for all")
    parser.add_argument("--table", help="a CSV or Parquet file instead of the bundled tables")
    parser.add_argument("--target", default="")
    parser.add_argument("--positive", default="")
    parser.add_argument("--sensitive", nargs="+", default=[], help="columns; a+b for both at once")
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--peers", type=Path, help="a folder of published results of the peers")
    parser.add_argument("--publish", type=Path, help="write the newest results to this folder")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=float, default=300.0, help="seconds a fit may take")
    parser.add_argument("--retry", action="store_true", help="run again what ended in an error")
    parser.add_argument("--report", type=Path, help="write this Markdown file, plots beside it")
    parser.add_argument("--report-only", action="store_true")
    options = parser.parse_args()
    if options.table and not (options.target and options.positive and options.sensitive):
        parser.error("--table needs --target, --positive and --sensitive")
    if not any(_named(m, options.only) and not _named(m, options.skip) for m in methods()):
        parser.error(f"--only and --skip leave no method of {', '.join(methods())}")
    if options.repetitions is not None and options.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    every = options.full or options.groups or options.report_only
    options.data = options.data or ["adult", *(["german", "heart"] if every else [])]
    return options


def _named(name: str, parts: list[str]) -> bool:
    return any(part.lower() in name.lower() for part in parts)


def places(options: argparse.Namespace) -> list[Place]:
    """Tables and sensitive features, with the folds of a repetition."""
    if options.table:
        named = [(options.table, sensitive) for sensitive in options.sensitive]
        table = (options.target, options.positive)
        return [(data, s, load_table(data, s, *table).folds) for data, s in named]
    found = []
    for data in options.data:
        names = list(SENSITIVE[data]) if options.full or options.groups else ["sex", "age"]
        wanted = options.groups or names
        chosen = [s for s in SENSITIVE[data] if s in wanted]
        chosen = chosen if options.full or options.groups else chosen[:1]
        found += [(data, sensitive, load_table(data, sensitive).folds) for sensitive in chosen]
    return found


def tasks(options: argparse.Namespace) -> list[Task]:
    names = [m for m in methods() if _named(m, options.only) and not _named(m, options.skip)]
    models = options.models or (
        ["logistic", "boosting", "mlp", "network"] if options.full else ["logistic", "boosting"]
    )
    return plan(
        places(options),
        models,
        names,
        options.repetitions or (10 if options.full else 5),
        full=options.full,
        all_values=options.full or options.all_values,
        rows=options.rows,
        target=options.target,
        positive=options.positive,
    )


def run(options: argparse.Namespace, store: Store) -> None:
    wanted = tasks(options)
    if options.peers:
        store.borrow(options.peers, {key for task in wanted for key in task.keys()})  # noqa: SIM118
    done = store.done(retry=options.retry)
    left = [task for task in wanted if not set(task.keys()) <= done]
    print(f"{len(wanted)} tasks, {len(wanted) - len(left)} of them done before")
    results = Parallel(n_jobs=options.jobs, return_as="generator_unordered", batch_size=1)(
        delayed(run_task)(task, options.limit) for task in left
    )
    lacking = 0
    for rows in tqdm(results, total=len(left), smoothing=0.02):
        store.add(rows)
        lacking += any(not_imported(row) for row in rows)
    if lacking:
        print(f"{lacking} tasks couldn't import what they need; what failed is in the report")


def main() -> None:
    options = read_arguments()
    store = Store(options.results)
    if not options.report_only:
        try:
            run(options, store)
        except KeyboardInterrupt:
            raise SystemExit(
                f"stopped; what is done is in {options.results}, and is kept"
            ) from None
    if options.publish:
        store.publish(options.publish)
    if options.report:
        from _quality.report import write_report

        if not any("error" not in row for row in store.rows()):
            raise SystemExit(f"{options.results} holds no results to report on")
        write_report(store, options.report, [] if options.table else options.data)
        print(f"{options.report} is written")


if __name__ == "__main__":
    main()
