"""What imports cost, as a ratio to ``import sklearn.metrics``, in fresh processes taking turns."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

STATEMENTS = ("import sklearn.metrics", "import skfair", "import skfair.metrics")
ROUNDS = 11


def seconds(statement: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main() -> None:
    for statement in STATEMENTS:
        seconds(statement)  # warm the disk
    rounds = [{statement: seconds(statement) for statement in STATEMENTS} for _ in range(ROUNDS)]
    for statement in STATEMENTS:
        times = [r[statement] for r in rounds]
        ratios = [r[statement] / r[STATEMENTS[0]] for r in rounds]
        print(
            f"{statement:24s} median {statistics.median(times):6.3f} s   "
            f"ratio {statistics.median(ratios):5.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
