"""What debiasers of trained networks reach on new rows, beside rules that use the group.

Adult (sex; race: White or not) and German (age up to 25), splits of 60/20/20 % stratified by group
and label. A perceptron of 10 layers of 32 units is trained on the first part, its columns including
the sensitive one, as in Savani et al. (2020). Everyone then gets the same network and the second
part, asks for the best balanced accuracy at an average odds difference of at most 0.05, and is
measured on the third part:

- original: the network with the threshold of the best balanced accuracy, whatever the bias;
- each debiaser of skfair.finetuning with its defaults: one threshold, no group at predict;
  BiasGradientFineTuner also with all rows to learn from and to be judged by, and with the strength
  0, which is plain training on validation rows;
- ThresholdOptimizer and RejectOptionClassifier, which read the group at predict.

What is reported: the objective (balanced accuracy where the bias is within the tolerance, else 0),
bias and balanced accuracy, with Student's t-intervals over splits, and both as the debiaser itself
reports them of its validation rows. Paired: a debiaser's bias less
ThresholdOptimizer's, whose upper 95 % limit is to be at most 0.02, and the balanced accuracy that
it loses beyond ThresholdOptimizer, which is to be at most 0.03: so no constant network passes.
Splits share rows, so that Student's intervals are too narrow; the limits with Nadeau and Bengio's
correction stand beside them, in brackets.

Digits: a small convolutional network is trained on digits of which 90 % have their label's colour.
The colour is the group, and can be read from the picture. Debiasers get other digits, whose tie has
the share ``--validation-bias``; the test digits have none. A debiaser works if it at least halves
the average odds difference and loses at most 0.02 of accuracy.

Defaults were chosen on splits 100 and up, the figures are those of splits 0 and up.

    OMP_NUM_THREADS=1 python benchmarks/finetuning.py [--results FOLDER]
        [--data adult adult-race german digits] [--seeds 20] [--first 0]
        [--methods original threshold ...] [--validation-bias 0.5] [--report]

Results are kept as lines of JSON in the folder, so that a run that was stopped goes on; networks
are kept beside them. ``--report`` prints the tables of what is there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from _quality.data import Part, load_split
from _quality.measure import accuracy, balanced_accuracy, expected_cells, violation
from _quality.statistics import Estimate, corrected
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import nn

from skfair.datasets import make_colored_digits
from skfair.finetuning import (
    AdversarialFineTuner,
    BiasGradientFineTuner,
    LastLayerRetrainer,
    LayerwiseDebiaser,
    PruningDebiaser,
    RandomPerturbationDebiaser,
)
from skfair.nn import predict_logits
from skfair.postprocessing import RejectOptionClassifier, ThresholdOptimizer

TOL = 0.05
LIMIT, LOSS = 0.02, 0.03  # what a bias may exceed ThresholdOptimizer's by, and the accuracy lost
HALF, LOSS_OF_IMAGES = 0.5, 0.02
SENSITIVE = {"adult": "sex", "adult-race": "race", "german": "age"}
TRAINING = {"adult": (256, 12), "adult-race": (256, 12), "german": (64, 100), "digits": (64, 60)}
DATA = (*SENSITIVE, "digits")


class Task(NamedTuple):
    """A trained network, the rows to debias it on, and those to measure it on."""

    network: Any
    validation: Part
    test: Part
    seed: int


class NetworkAsClassifier(ClassifierMixin, BaseEstimator):
    """What rules for scores take: a fitted classifier."""

    def __init__(self, network: Any = None) -> None:
        self.network = network
        self.classes_ = np.array([0, 1])

    def fit(self, X: Any, y: Any = None) -> NetworkAsClassifier:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        p = expit(predict_logits(self.network, X)[:, 0])
        return np.column_stack([1 - p, p])


def debias(kind: Any, **options: Any) -> Callable[[Task], tuple[np.ndarray, dict[str, float]]]:
    """Fit a debiaser; give decisions on test rows, and what it says of itself."""

    def fit(task: Task) -> tuple[np.ndarray, dict[str, float]]:
        debiaser = kind(task.network, tol=TOL, random_state=task.seed, device="cpu", **options)
        rows = task.validation
        debiaser.fit(rows.X, rows.y, sensitive_features=rows.s)
        said = {"said_bias": abs(debiaser.bias_), "said_performance": debiaser.performance_}
        return debiaser.predict(task.test.X), said

    return fit


def by_rule(kind: Any, **options: Any) -> Callable[[Task], tuple[np.ndarray, dict[str, float]]]:
    """Fit a rule that uses groups at predict."""

    def fit(task: Task) -> tuple[np.ndarray, dict[str, float]]:
        rule = kind(
            NetworkAsClassifier(task.network),
            constraints="average_odds",
            objective="balanced_accuracy_score",
            tol=TOL,
            cv="prefit",
            **options,
        )
        rows = task.validation
        rule.fit(rows.X, rows.y, sensitive_features=rows.s)
        return rule.predict(task.test.X, sensitive_features=task.test.s), {}

    return fit


def leave(task: Task) -> tuple[np.ndarray, dict[str, float]]:
    """Keep the network; its threshold is the best where bias doesn't count."""
    as_it_is = {"sigma": 0.0, "n_trials": 1, "tol": 1.0, "margin": 0.0, "n_resamples": 0}
    debiaser = RandomPerturbationDebiaser(task.network, device="cpu", **as_it_is)
    rows = task.validation
    debiaser.fit(rows.X, rows.y, sensitive_features=rows.s)
    return debiaser.predict(task.test.X), {}


METHODS = {
    "original": ("original", leave),
    "threshold": ("ThresholdOptimizer", by_rule(ThresholdOptimizer)),
    "reject": ("RejectOptionClassifier", by_rule(RejectOptionClassifier)),
    "gradient": ("BiasGradientFineTuner", debias(BiasGradientFineTuner)),
    "gradient-all": (
        "BiasGradientFineTuner, all rows",
        debias(BiasGradientFineTuner, validation_fraction=0.0),
    ),
    "tuning": (
        "BiasGradientFineTuner, strength=0",
        debias(BiasGradientFineTuner, strength=0.0),
    ),
    "adversarial": ("AdversarialFineTuner", debias(AdversarialFineTuner)),
    "random": ("RandomPerturbationDebiaser", debias(RandomPerturbationDebiaser)),
    "pruning": ("PruningDebiaser", debias(PruningDebiaser)),
    "last": ("LastLayerRetrainer", debias(LastLayerRetrainer)),
    "layerwise": ("LayerwiseDebiaser", debias(LayerwiseDebiaser)),
}
RULES = ("original", "threshold", "reject")


def make_perceptron(n_inputs: int, width: int = 32, depth: int = 10) -> Any:
    """Make the paper's network: rectifiers, dropout of 0.2 and batch normalisation."""
    layers = [nn.Linear(n_inputs, width)]
    for _ in range(depth - 1):
        layers += [nn.ReLU(), nn.Dropout(0.2), nn.BatchNorm1d(width), nn.Linear(width, width)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Linear(width, 1))


def make_cnn() -> Any:
    """Make two convolutions and a hidden layer of 32."""
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(288, 32), nn.ReLU(), nn.Linear(32, 1)),
    )


def train(module: Any, X: np.ndarray, y: np.ndarray, batch_size: int, epochs: int) -> None:
    """Train by Adam, whose rate falls along a cosine; nothing is looked at but these rows."""
    inputs, target = torch.from_numpy(X), torch.from_numpy(y).float()
    optimizer = torch.optim.Adam(module.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, epochs * -(-len(y) // batch_size)
    )
    module.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(y)).split(batch_size):
            optimizer.zero_grad()
            if len(rows) > 1:  # batch normalisation takes no single row
                odds = module(inputs[rows])[:, 0]
                nn.functional.binary_cross_entropy_with_logits(odds, target[rows]).backward()
                optimizer.step()
            schedule.step()


def trained(data: str, seed: int, rows: Part, folder: Path) -> Any:
    """Train a network, or read it from its file."""
    torch.manual_seed(seed)
    module = make_cnn() if rows.X.ndim == 4 else make_perceptron(rows.X.shape[1])
    file = folder / f"{data}-{seed}.pt"
    if file.exists():
        module.load_state_dict(torch.load(file, weights_only=True))
        return module.eval()
    train(module, rows.X, rows.y, *TRAINING[data])
    torch.save(module.state_dict(), file)
    return module.eval()


def read_table(data: str, seed: int) -> tuple[Part, Part, Part]:
    split = load_split(data.split("-")[0], SENSITIVE[data], seed, 0)
    parts = [p._replace(X=p.X.astype(np.float32)) for p in split[:3]]
    if data == "adult-race":
        parts = [as_two(part, "White") for part in parts]
    return parts[0], parts[1], parts[2]


def as_two(part: Part, group: str) -> Part:
    codes = (part.s == group).astype(int)
    return part._replace(s=np.where(codes, group, f"not {group}"), codes=codes)


def read_digits(seed: int, validation_bias: float) -> tuple[Part, Part, Part]:
    """Digits to train on, others to debias on with a weaker tie, and the test digits with none."""
    shares = {"train": ("train", 0.9), "validation": ("train", validation_bias)}
    shares["test"] = ("test", 0.5)
    half = np.random.default_rng(seed).permutation(1198) < 599
    found = {}
    for name, (subset, bias) in shares.items():
        made = make_colored_digits(subset=subset, bias=bias, random_state=seed)
        part = Part(made.images, made.target, made.groups, made.groups, made.groups)
        part = part._replace(codes=np.unique(made.groups, return_inverse=True)[1], raw=None)
        if subset == "train":
            kept = half[made.indices] == (name == "train")
            part = Part(*(column[kept] for column in part[:4]), None)
        found[name] = part
    return found["train"], found["validation"], found["test"]


def run(name: str, task: Task) -> dict[str, Any]:
    """Debias and measure; plain numbers, ready for JSON."""
    start = time.process_time()
    decided, said = METHODS[name][1](task)
    seconds = time.process_time() - start
    cells = expected_cells(task.test, (decided == 1).astype(float), 2)
    return {"test": cells.tolist(), "seconds": round(seconds, 2), **said}


def read_lines(file: Path) -> list[dict[str, Any]]:
    rows = []
    for line in file.read_text().splitlines() if file.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:  # a line that was cut off when a run was stopped
            continue
    return rows


def run_all(arguments: argparse.Namespace, data: str, file: Path) -> None:
    done = {(row["method"], row["seed"]) for row in read_lines(file)}
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        names = [name for name in arguments.methods if (name, seed) not in done]
        if not names:
            continue
        if data == "digits":
            rows, validation, test = read_digits(seed, arguments.validation_bias)
        else:
            rows, validation, test = read_table(data, seed)
        task = Task(trained(data, seed, rows, arguments.results), validation, test, seed)
        for name in names:
            found = {"method": name, "seed": seed, **run(name, task)}
            with file.open("a") as out:
                out.write(json.dumps(found) + "\n")


def text_of(found: Estimate, sign: str = "") -> str:
    form = f"{sign}.3f"
    return f"{found.mean:{form}} [{found.low:{form}}, {found.high:{form}}]"


def student(values: Any) -> Estimate:
    return corrected(values, share=0.0)


class Measured(NamedTuple):
    """Figures of a method by split."""

    bias: np.ndarray
    balanced: np.ndarray
    accuracy: np.ndarray

    @property
    def objective(self) -> np.ndarray:
        return np.where(self.bias <= TOL, self.balanced, 0.0)


def measured(rows: list[dict[str, Any]], name: str, seeds: list[int]) -> Measured:
    own = {row["seed"]: np.array(row["test"]) for row in rows if row["method"] == name}
    cells = [own[seed] for seed in seeds]
    return Measured(
        np.array([violation(c, "average_odds") for c in cells]),
        np.array([balanced_accuracy(c) for c in cells]),
        np.array([accuracy(c) for c in cells]),
    )


def seeds_of(rows: list[dict[str, Any]], *names: str) -> list[int]:
    found = [{row["seed"] for row in rows if row["method"] == name} for name in names]
    return sorted(set.intersection(*found))


def table(rows: list[dict[str, Any]], names: list[str]) -> None:
    print("| method | splits | objective | bias | balanced accuracy | as it says | CPU s |")
    print("|---|---|---|---|---|---|---|")
    for name in names:
        found = measured(rows, name, seeds_of(rows, name))
        own = [row for row in rows if row["method"] == name]
        said = [row["said_bias"] for row in own if "said_bias" in row]
        promised = [row["said_performance"] for row in own if "said_bias" in row]
        cells = [METHODS[name][0], str(len(own)), text_of(student(found.objective))]
        cells += [text_of(student(found.bias)), text_of(student(found.balanced))]
        cells += [f"{np.mean(said):.3f}, {np.mean(promised):.3f}" if said else ""]
        cells += [f"{np.median([row['seconds'] for row in own]):.1f}"]
        print("| " + " | ".join(cells) + " |")


def passes(bias: Estimate, lost: Estimate) -> bool:
    """Whether both differences from ThresholdOptimizer, at their upper limits, are allowed."""
    return bias.high <= LIMIT and lost.high <= LOSS


def paired_table(rows: list[dict[str, Any]], names: list[str]) -> None:
    print("\n| less ThresholdOptimizer's | splits | bias | balanced accuracy lost | passes |")
    print("|---|---|---|---|---|")
    for name in names:
        seeds = seeds_of(rows, name, "threshold")
        if name in RULES[:2] or len(seeds) < 2:
            continue
        own, other = (measured(rows, n, seeds) for n in (name, "threshold"))
        parts = (own.bias - other.bias, other.balanced - own.balanced)
        (bias, lost), wide = map(student, parts), [corrected(part) for part in parts]
        texts = [
            f"{text_of(e, '+')} ({w.high:+.3f})" for e, w in zip((bias, lost), wide, strict=True)
        ]
        cells = [METHODS[name][0], str(len(seeds)), *texts, "yes" if passes(bias, lost) else "no"]
        print("| " + " | ".join(cells) + " |")


def image_table(rows: list[dict[str, Any]], names: list[str]) -> None:
    print("| method | seeds | bias | accuracy | share of the original's bias | lost | works |")
    print("|---|---|---|---|---|---|---|")
    for name in names:
        seeds = seeds_of(rows, name, "original")
        own, first = (measured(rows, n, seeds) for n in (name, "original"))
        share, lost = own.bias.mean() / first.bias.mean(), student(first.accuracy - own.accuracy)
        # half or more is taken away where this mean is below 0, which has an interval
        saved = student(own.bias - HALF * first.bias)
        works = saved.high <= 0 and lost.high <= LOSS_OF_IMAGES
        cells = [METHODS[name][0], str(len(seeds)), text_of(student(own.bias))]
        cells += [text_of(student(own.accuracy)), f"{share:.2f}", text_of(lost, "+")]
        cells += ["" if name == "original" else "yes" if works else "no"]
        print("| " + " | ".join(cells) + " |")


def report(data: str, rows: list[dict[str, Any]], label: str) -> None:
    if not rows:
        return
    names = [name for name in METHODS if any(row["method"] == name for row in rows)]
    print(f"\n{label}\n")
    if data == "digits":
        image_table(rows, names)
    else:
        table(rows, names)
        paired_table(rows, names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    default = Path(tempfile.gettempdir()) / "skfair-finetuning"
    parser.add_argument("--results", type=Path, default=default)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--methods", nargs="+", choices=tuple(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first split's number")
    parser.add_argument("--validation-bias", type=float, default=0.5, help="of the digits")
    parser.add_argument("--report", action="store_true", help="print tables, debias nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.results.mkdir(parents=True, exist_ok=True)
    for data in arguments.data:
        label = f"{data}-{arguments.validation_bias:g}" if data == "digits" else data
        file = arguments.results / f"{label}.jsonl"
        if not arguments.report:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                run_all(arguments, data, file)
        report(data, read_lines(file), label)


if __name__ == "__main__":
    main()
