"""Whether a fresh adversary still finds the group in what debiased networks give.

Adult (sex) and German (age up to 25), splits of 60/20/20 % stratified by group and label. Networks
of skfair: plain, with soft gaps, with an adversary that sees the output (projection) and one that
sees a narrow layer (reversal); of fairlearn, where it is installed: its
AdversarialFairnessClassifier, with a constant weight, and as in its guide's example (learning rate
0.01 that falls in each step, a weight that rises with the root of the steps, a small adversary).
All train the same perceptron for as many epochs, by batches of the same size, on the same columns;
the sensitive one is not among them. German is described, not ranked: its test parts have 200 rows.

What is reported of each constraint, method and weight:

- accuracy and violation of the criterion on test rows, of hard decisions;
- what an adversary finds that was not in the game: gradient boosting, stopped by rows of its own,
  learns the group from the logits of one half of the test rows (for equalized odds, from logit and
  label) and is scored by the AUC on the other half, and the other way round. The gain is that AUC
  less the baseline: 0.5, or for equalized odds the AUC of the label alone. "yes" is debiasing that
  works: the gain's interval contains 0 (a wide one proves little), or is below 0.02;
- the best accuracy at a violation of at most 0.02, 0.05 and 0.10, where weight and all are chosen
  on the validation rows, plain training being a choice of every method.

A training that breaks off, since the loss is no longer a number, is counted beside its weight, and
is no choice. Intervals are Nadeau and Bengio's corrected 95 % intervals over splits.

As published, Zhang et al. (2018) have for equalized odds on Adult an accuracy that falls from 0.860
to 0.845; false positive rates of women from 0.0248 to 0.0647 and of men from 0.0917 to 0.0701;
false negative rates of women from 0.4492 to 0.4458 and of men from 0.3667 to 0.4349.

    OMP_NUM_THREADS=1 python benchmarks/adversarial.py [--results FOLDER] [--data adult german]
        [--splits 10] [--rows 0] [--methods projection fairlearn ...] [--report]

Results are kept as lines of JSON in the folder, so a run that was stopped goes on. ``--report``
prints the tables of what is there.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from _quality.data import Part, Split, load_split
from _quality.measure import accuracy, expected_cells, violation
from _quality.statistics import Estimate, choose_no_less_fair, corrected
from scipy.special import logit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from skfair.inprocessing import AdversarialDebiasedClassifier, FairNetClassifier

CONSTRAINTS = ("demographic_parity", "equalized_odds")
LEVELS = (0.02, 0.05, 0.10)
NEGLIGIBLE = 0.02  # gain of an AUC
SENSITIVE = {"adult": "sex", "german": "age"}
TRAINING = {
    "adult": {"batch_size": 256, "max_epochs": 15},
    "german": {"batch_size": 64, "max_epochs": 40},
}
WIDTHS, NARROW, ADVERSARY = (64, 64), (64, 4), 32
PUBLISHED = """As published (Zhang et al. 2018, Adult, equalized odds), without and with debiasing:
accuracy 0.860 and 0.845; FPR of women 0.0248 and 0.0647, of men 0.0917 and 0.0701; FNR of women
0.4492 and 0.4458, of men 0.3667 and 0.4349."""


class Task(NamedTuple):
    """One network to train."""

    split: Split
    constraint: str
    weight: float
    seed: int
    training: dict[str, Any]


Logits = Callable[[np.ndarray], np.ndarray]


class Method(NamedTuple):
    """How a network is trained, and the weights to try."""

    title: str
    fit: Callable[[Task], Logits]
    weights: tuple[float, ...]


def fit_ours(estimator: Any, task: Task) -> Logits:
    train = task.split.train
    estimator.set_params(random_state=task.seed, device="cpu", **task.training)
    return estimator.fit(train.X, train.y, sensitive_features=train.s).decision_function


def fit_plain(task: Task) -> Logits:
    return fit_ours(FairNetClassifier(strength=0, hidden_sizes=WIDTHS), task)


def fit_gap(task: Task) -> Logits:
    options = {"constraints": task.constraint, "strength": task.weight}
    return fit_ours(FairNetClassifier(hidden_sizes=WIDTHS, **options), task)


def fit_projection(task: Task) -> Logits:
    options = {"constraints": task.constraint, "adversary_weight": task.weight}
    return fit_ours(AdversarialDebiasedClassifier(hidden_sizes=WIDTHS, **options), task)


def fit_reversal(task: Task) -> Logits:
    options = {"constraints": task.constraint, "adversary_weight": task.weight}
    layer = {"method": "reversal", "representation": "active_2", "hidden_sizes": NARROW}
    return fit_ours(AdversarialDebiasedClassifier(**layer, **options), task)


def fit_fairlearn(task: Task, adversary: Sequence[Any], **options: Any) -> Logits:
    from fairlearn.adversarial import AdversarialFairnessClassifier

    model = AdversarialFairnessClassifier(
        backend="torch",
        predictor_model=[part for width in WIDTHS for part in (width, "relu")],
        adversary_model=list(adversary),
        constraints=task.constraint,
        epochs=task.training["max_epochs"],
        batch_size=task.training["batch_size"],
        shuffle=True,
        random_state=task.seed,
        **options,
    )
    train = task.split.train
    model.fit(train.X, train.y, sensitive_features=train.s)
    # Its decisions are chances of at least a half; its network ends in a sigmoid.
    return lambda X: logit(np.clip(model._raw_predict(X)[:, 0].astype(float), 1e-7, 1 - 1e-7))


def fit_fairlearn_constant(task: Task) -> Logits:
    return fit_fairlearn(task, [ADVERSARY, "relu"], alpha=task.weight)


def fit_fairlearn_rising(task: Task) -> Logits:
    schedules = []

    def optimizer(model: Any) -> Any:
        made = torch.optim.Adam(model.parameters(), lr=0.01)
        schedules.append(torch.optim.lr_scheduler.ExponentialLR(made, gamma=0.995))
        return made

    def after_step(model: Any, step: int, **_: Any) -> None:
        model.alpha = task.weight * math.sqrt(step)
        for schedule in schedules:
            schedule.step()

    options = {"predictor_optimizer": optimizer, "adversary_optimizer": optimizer}
    return fit_fairlearn(task, [3, "leaky_relu"], callbacks=after_step, **options)


METHODS = {
    "plain": Method("plain training", fit_plain, (0.0,)),
    "projection": Method("skfair, projection", fit_projection, (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)),
    "reversal": Method("skfair, reversal", fit_reversal, (1.0, 3.0, 10.0)),
    "gap": Method("skfair, soft gap", fit_gap, (0.1, 0.3, 1.0, 3.0)),
    "fairlearn": Method("fairlearn", fit_fairlearn_constant, (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)),
    "rising": Method("fairlearn, its example", fit_fairlearn_rising, (0.03, 0.1, 0.3, 1.0)),
}
RIVALS = {  # what is compared at a level: title, and the methods that it may choose from
    "projection": ("skfair, projection", ("plain", "projection")),
    "reversal": ("skfair, reversal", ("plain", "reversal")),
    "gap": ("skfair, soft gap", ("plain", "gap")),
    "fairlearn": ("fairlearn, both ways", ("plain", "fairlearn", "rising")),
}


def gain_of_a_fresh_adversary(
    scores: np.ndarray, groups: np.ndarray, y: np.ndarray | None, seed: int
) -> float:
    """AUC of a held-out adversary less its baseline: of nothing, or of the labels where given."""
    if y is None:
        return held_out_auc(scores[:, None], groups, seed) - 0.5
    known = y[:, None].astype(float)
    both = np.column_stack([scores, known])
    return held_out_auc(both, groups, seed) - held_out_auc(known, groups, seed)


def held_out_auc(features: np.ndarray, groups: np.ndarray, seed: int) -> float:
    """Mean AUC of two adversaries, each of which learns on one half and is scored on the other."""
    halves = StratifiedKFold(2, shuffle=True, random_state=seed)
    found = []
    for learn, score in halves.split(features, groups):
        adversary = HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_leaf_nodes=8,
            early_stopping=True,
            validation_fraction=0.2,
            random_state=seed,
        ).fit(features[learn], groups[learn])
        found.append(roc_auc_score(groups[score], adversary.predict_proba(features[score])[:, 1]))
    return float(np.mean(found))


def works(gain: Estimate) -> bool:
    """Whether the gain's interval contains 0 or lies below what is negligible."""
    return gain.low <= 0 or gain.high < NEGLIGIBLE


def measure(part: Part, scores: np.ndarray) -> list[list[float]]:
    """Cells (tn, fp, fn, tp) by group of hard decisions."""
    if not np.isfinite(scores).all():
        raise ValueError("there are logits that are no numbers")
    return expected_cells(part, (scores > 0).astype(float), 2).tolist()


def run(name: str, data: str, task: Task) -> dict[str, Any]:
    """Train one network and measure it; plain numbers, ready for JSON."""
    found: dict[str, Any] = {"data": data, "constraint": task.constraint, "method": name}
    found |= {"weight": task.weight, "split": task.seed}
    start = time.perf_counter()
    validation, test = task.split.validation, task.split.test
    try:
        logits = METHODS[name].fit(task)
        seconds = time.perf_counter() - start
        scores = logits(test.X)
        cells = {"validation": measure(validation, logits(validation.X))}
        cells["test"] = measure(test, scores)
    except (RuntimeError, ValueError) as error:  # a loss or a logit is no number
        return found | {"error": f"{type(error).__name__}: {error}"}
    found |= {"seconds": round(seconds, 2), **cells}
    seen = test.y if task.constraint == "equalized_odds" else None
    found["gain"] = gain_of_a_fresh_adversary(scores, test.codes, seen, task.seed)
    return found


def identity(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("data", "constraint", "method", "weight", "split"))


def read_lines(file: Path) -> list[dict[str, Any]]:
    rows = []
    for line in file.read_text().splitlines() if file.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:  # a line that was cut off when a run was stopped
            continue
    return rows


def to_do(arguments: argparse.Namespace) -> Iterator[tuple[str, str, str, float, int]]:
    for split in range(arguments.splits):
        for data in arguments.data:
            for constraint in CONSTRAINTS:
                for name in arguments.methods:
                    for weight in METHODS[name].weights:
                        yield data, constraint, name, weight, split


def run_all(arguments: argparse.Namespace, file: Path) -> None:
    done = {identity(row) for row in read_lines(file)}
    for data, constraint, name, weight, seed in to_do(arguments):
        if (data, constraint, name, weight, seed) in done:
            continue
        whole = load_split(data, SENSITIVE[data], seed, 0, arguments.rows)
        task = Task(blind(whole), constraint, weight, seed, TRAINING[data])
        with file.open("a") as out:
            out.write(json.dumps(run(name, data, task)) + "\n")


def blind(split: Split) -> Split:
    """The split without the columns that tell the group."""
    parts = {
        name: part._replace(X=np.delete(part.X, split.own_columns, axis=1))
        for name, part in split._asdict().items()
        if isinstance(part, Part)
    }
    return split._replace(**parts)


def text_of(found: Estimate, sign: str = "") -> str:
    form = f"{sign}.3f"
    return f"{found.mean:{form}} [{found.low:{form}}, {found.high:{form}}]"


def figures(rows: list[dict[str, Any]], part: str, constraint: str) -> tuple[np.ndarray, ...]:
    """Accuracies and violations of a part, a row each."""
    cells = [np.array(row[part]) for row in rows]
    return (
        np.array([accuracy(c) for c in cells]),
        np.array([violation(c, constraint) for c in cells]),
    )


def trained(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of networks whose training did not break off."""
    return [row for row in rows if "error" not in row]


def sweep_table(rows: list[dict[str, Any]], constraint: str) -> None:
    print("| method | weight | accuracy | violation | adversary's gain | works | s a fit |")
    print("|---|---|---|---|---|---|---|")
    for name, method in METHODS.items():
        for weight in method.weights:
            tried = [r for r in rows if r["method"] == name and r["weight"] == weight]
            own = trained(tried)
            title = method.title + (f" ({len(tried) - len(own)} failed)" if tried != own else "")
            if not own:
                if tried:
                    print(f"| {title} | {weight:g} | | | | | |")
                continue
            right, gap = (corrected(values) for values in figures(own, "test", constraint))
            gain = corrected([row["gain"] for row in own])
            seconds = np.median([row["seconds"] for row in own])
            cells = [title, f"{weight:g}", text_of(right), text_of(gap)]
            cells += [text_of(gain, "+"), "yes" if works(gain) else "no", f"{seconds:.1f}"]
            print("| " + " | ".join(cells) + " |")


def choose(rows: list[dict[str, Any]], constraint: str, level: float) -> dict[str, Any]:
    """The row that is most accurate within the level, on validation rows."""
    right, gap = figures(rows, "validation", constraint)
    return rows[choose_no_less_fair(gap, right, level)]


def chosen_rows(
    rows: list[dict[str, Any]], names: Sequence[str], constraint: str, level: float
) -> dict[int, dict[str, Any]]:
    """By split, the row that would be chosen among these methods."""
    found = {}
    for split in sorted({row["split"] for row in rows}):
        own = [row for row in rows if row["split"] == split and row["method"] in names]
        if own:
            found[split] = choose(own, constraint, level)
    return found


def level_table(rows: list[dict[str, Any]], constraint: str) -> None:
    print("| at most | method | accuracy | violation | accuracy less fairlearn's | gain | chosen |")
    print("|---|---|---|---|---|---|---|")
    for level in LEVELS:
        theirs = chosen_rows(rows, RIVALS["fairlearn"][1], constraint, level)
        for key, (title, names) in RIVALS.items():
            if not any(row["method"] == key for row in rows):
                continue
            ours = chosen_rows(rows, names, constraint, level)
            shared = sorted(set(ours) & set(theirs))
            mine, other = ([part[s] for s in shared] for part in (ours, theirs))
            right, gap = figures(mine, "test", constraint)
            edge = corrected(right - figures(other, "test", constraint)[0])
            gain = corrected([row["gain"] for row in mine])
            weights = " ".join(f"{row['method'][:3]}{row['weight']:g}" for row in mine)
            cells = [f"{level:.2f}", title, text_of(corrected(right)), text_of(corrected(gap))]
            cells += ["" if key == "fairlearn" else text_of(edge, "+"), text_of(gain, "+"), weights]
            print("| " + " | ".join(cells) + " |")


def rates_table(rows: list[dict[str, Any]], groups: Sequence[str], level: float = 0.05) -> None:
    """Error rates by group of what would be chosen for equalized odds, beside the paper's."""
    print("| method | accuracy | " + " | ".join(f"FPR {g} | FNR {g}" for g in groups) + " |")
    print("|---" * (2 + 2 * len(groups)) + "|")
    for title, names in {"plain": ("plain training", ("plain",)), **RIVALS}.values():
        own = chosen_rows(rows, names, "equalized_odds", level)
        cells = np.array([row["test"] for row in own.values()])
        if not len(cells):
            continue
        wrong = cells[:, :, 1:3] / np.stack(
            [cells[:, :, 0] + cells[:, :, 1], cells[:, :, 2] + cells[:, :, 3]], axis=-1
        )
        right = np.mean([accuracy(c) for c in cells])
        rates = " | ".join(f"{rate:.4f}" for rate in wrong.mean(axis=0).ravel())
        print(f"| {title} | {right:.3f} | {rates} |")


def report(arguments: argparse.Namespace, file: Path) -> None:
    kept = read_lines(file)
    for data in arguments.data:
        for constraint in CONSTRAINTS:
            rows = [r for r in kept if (r["data"], r["constraint"]) == (data, constraint)]
            if not rows:
                continue
            n_splits = len({row["split"] for row in rows})
            print(f"\n{data}, {SENSITIVE[data]}, {constraint}, {n_splits} splits\n")
            sweep_table(rows, constraint)
            rows = trained(rows)
            if data == "german":
                continue
            print("\nBest accuracy within a violation, chosen on validation rows\n")
            level_table(rows, constraint)
            if constraint == "equalized_odds":
                print("\nError rates of those chosen at a violation of at most 0.05\n")
                groups = load_split(data, SENSITIVE[data], 0, 0, 1000).train
                names = [str(groups.s[groups.codes == code][0]) for code in (0, 1)]
                rates_table(rows, names)
                print(f"\n{PUBLISHED}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    default = Path(tempfile.gettempdir()) / "skfair-adversarial"
    parser.add_argument("--results", type=Path, default=default)
    parser.add_argument("--data", nargs="+", choices=tuple(SENSITIVE), default=list(SENSITIVE))
    parser.add_argument("--methods", nargs="+", choices=tuple(METHODS), default=list(METHODS))
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--rows", type=int, default=0, help="of each part at most; 0: all")
    parser.add_argument("--report", action="store_true", help="print tables, train nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.results.mkdir(parents=True, exist_ok=True)
    file = arguments.results / f"rows-{arguments.rows or 'all'}.jsonl"
    if not arguments.report:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run_all(arguments, file)
    report(arguments, file)


if __name__ == "__main__":
    main()
