"""What targeted augmentation does for rare cells, beside augmentation that treats all images alike.

Digits of 12 x 12 pixels (0 to 4, or 5 to 9), unbalanced in two ways:

- a shortcut: 95 % of the images of a class have the colour of that class;
- a rare group: 5 % of the images are dark on light paper, the others light on dark paper.

In the test images, of other digits, cells are balanced. All methods train the same small network
for the same number of steps; augmentation makes the same number of rows by the same operations,
those that are the default, so that nothing was chosen by results. Accuracy in the worst cell of
group and label, means over seeds, and differences paired over seeds in percentage points with
Student's 95 % intervals.

Then what augmentation on the fly costs: processor time of an epoch with it over one without it,
turn by turn (the geometric mean of pairs with its 95 % interval).

    OMP_NUM_THREADS=1 python benchmarks/augmentation.py [--seeds 10] [--pairs 20] [--parts rare]
"""

from __future__ import annotations

import argparse
import time
from typing import Any, NamedTuple

import numpy as np
import torch
from planted_images import SmallCNN, with_interval
from scipy.stats import ttest_1samp
from torch import nn

from skfair.datasets import make_colored_digits
from skfair.inprocessing import FairNetClassifier
from skfair.metrics import worst_group_score
from skfair.vision import TargetedAugmenter

EPOCHS, BATCH = 12, 128  # of the rows that balanced cells have
TRAINING = {"strength": 0, "module": SmallCNN, "batch_size": BATCH, "lr": 3e-3, "device": "cpu"}
NO_CHANGE: dict[str, Any] = {}
PAIRS = (
    ("targeted", "untargeted"),
    ("targeted", "copies without change"),
    ("targeted", "targeted, only copies changed"),
    ("targeted", "none"),
    ("on the fly, balanced batches", "balanced batches"),
    ("on the fly, balanced batches", "untargeted on the fly"),
)


class Part(NamedTuple):
    """Images, labels and groups."""

    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray


def shortcut(seed: int) -> tuple[Part, Part]:
    tied = make_colored_digits(bias=0.95, random_state=seed)
    free = make_colored_digits(subset="test", bias=0.5, random_state=seed)
    train, test = (Part(part.images, part.target, part.groups) for part in (tied, free))
    return train, test


def rare_group(seed: int) -> tuple[Part, Part]:
    rare = make_colored_digits(bias=0.5, light_share=0.05, random_state=seed)
    even = make_colored_digits(subset="test", bias=0.5, light_share=0.5, random_state=seed)
    train, test = (Part(part.images, part.target, part.papers) for part in (rare, even))
    return train, test


def fit(rows: Part, steps: int, seed: int, **options: Any) -> Any:
    """Train for as many epochs as come nearest to a number of steps."""
    n_epochs = max(1, round(steps / -(-len(rows.y) // BATCH)))
    model = FairNetClassifier(**TRAINING, max_epochs=n_epochs, random_state=seed, **options)
    return model.fit(rows.X, rows.y, sensitive_features=rows.groups)


def augmented(rows: Part, seed: int, **options: Any) -> Part:
    augmenter = TargetedAugmenter(device="cpu", random_state=seed, **options)
    X, y = augmenter.fit_resample(rows.X, rows.y, sensitive_features=rows.groups)
    return Part(X, y, augmenter.groups_.to_values().to_numpy())


def worst(model: Any, test: Part) -> float:
    cells = {"group": test.groups, "label": test.y}
    return float(worst_group_score(test.y, model.predict(test.X), sensitive_features=cells))


def accuracies(train: Part, test: Part, seed: int) -> dict[str, float]:
    targeted = augmented(train, seed)
    size = len(targeted.y)
    steps = EPOCHS * -(-size // BATCH)
    even = {"batch_sampling": "group_label"}
    untargeted = TargetedAugmenter(strategy="keep", size=size)
    models = {
        "none": fit(train, steps, seed),
        "untargeted": fit(augmented(train, seed, strategy="keep", size=size), steps, seed),
        "copies without change": fit(augmented(train, seed, operations=NO_CHANGE), steps, seed),
        "targeted": fit(targeted, steps, seed),
        "targeted, only copies changed": fit(augmented(train, seed, change="copies"), steps, seed),
        "balanced batches": fit(train, steps, seed, **even),
        "untargeted on the fly": fit(train, steps, seed, augment=untargeted),
        "on the fly, balanced batches": fit(
            train, steps, seed, augment=TargetedAugmenter(), **even
        ),
    }
    return {name: worst(model, test) for name, model in models.items()}


def report_accuracy(name: str, make: Any, seeds: int) -> None:
    found = [accuracies(*make(seed), seed) for seed in range(seeds)]
    columns = {method: np.array([row[method] for row in found]) for method in found[0]}
    print(f"\n{name}, {seeds} seeds: accuracy in the worst cell\n\n| | mean |\n|---|---|")
    for method, values in columns.items():
        print(f"| {method} | {100 * values.mean():.1f} |")
    print("\n| | difference |\n|---|---|")
    for first, second in PAIRS:
        print(f"| {first} - {second} | {with_interval(columns[first] - columns[second])} |")
    print(flush=True)


class LargerCNN(nn.Module):
    """Three convolutions for images of 24 x 24."""

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        )
        self.head = nn.Linear(64, n_outputs)

    def forward(self, images: Any) -> Any:
        return self.head(self.features(images))


def seconds(digits: Any, module: Any, augment: Any, n_epochs: int) -> float:
    options = {**TRAINING, "module": module, "batch_sampling": "group_label", "random_state": 0}
    model = FairNetClassifier(**options, max_epochs=n_epochs, augment=augment)
    start = time.process_time()
    model.fit(digits.images, digits.target, sensitive_features=digits.groups)
    return time.process_time() - start


def report_cost(name: str, scale: int, module: Any, n_epochs: int, pairs: int) -> None:
    digits = make_colored_digits(bias=0.95, scale=scale, random_state=0)
    for augment in (None, TargetedAugmenter()):
        seconds(digits, module, augment, 1)  # so that nothing is done for the first time
    logs = []
    for turn in range(pairs):
        order = (None, TargetedAugmenter())[:: 1 if turn % 2 else -1]
        spent = {a is not None: seconds(digits, module, a, n_epochs) for a in order}
        logs.append(np.log(spent[True] / spent[False]))
    low, high = np.exp(ttest_1samp(logs, 0.0).confidence_interval(0.95))
    ratio = np.exp(np.mean(logs))
    print(f"{name}: an epoch takes {ratio:.3f} [{low:.3f}, {high:.3f}] times as long", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--parts", nargs="+", choices=("shortcut", "rare", "cost"), default=None)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    parts = arguments.parts or ("shortcut", "rare", "cost")
    if "shortcut" in parts:
        report_accuracy("A shortcut", shortcut, arguments.seeds)
    if "rare" in parts:
        report_accuracy("A rare group", rare_group, arguments.seeds)
    if "cost" in parts:
        report_cost("12 x 12 pixels, two convolutions", 1, SmallCNN, 5, arguments.pairs)
        report_cost("24 x 24 pixels, three convolutions", 2, LargerCNN, 1, arguments.pairs)


if __name__ == "__main__":
    main()
