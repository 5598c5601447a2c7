"""Where a network looks that has learnt a shortcut, and where after debiasing.

In training, 95 % of the digits of a class (0 to 4, or 5 to 9) have a patch of that class's colour
in the corner, which is 1/36 of the image; in the test images colour and label are independent. A
plain network, the same trained by group DRO, and the plain one debiased by bias gradients (on 300
validation images, where the tie is broken) are explained on the 599 test images by the class of
their label. Shares of attention inside the patch are means over seeds, and differences from the
plain network are paired over seeds, both in per cent with Student's 95 % intervals. The p-value is
that of the distance between the mean maps of the two colours, within classes, of the plain network:
the largest over the seeds.

Then activation maximisation: on how many units of the plain network the best image excites more
than every training image; and a table with a proxy of the group: how much of the gap in mean
predictions each feature carries, for a plain logistic regression and one behind CorrelationRemover.

    OMP_NUM_THREADS=1 python benchmarks/heatmaps.py [--seeds 10] [--first-seed 10] [--bias 0.95]
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import torch
from planted_images import TRAINING, Part, SmallCNN, accuracies, make_parts, with_interval
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skfair.finetuning import BiasGradientFineTuner
from skfair.inprocessing import FairNetClassifier, GroupDROClassifier
from skfair.preprocessing import CorrelationRemover
from skfair.vision import ActivationMaximizer, Heatmaps, group_attributions

PATCH = (0, 0, 2, 2)
METHODS: dict[str, dict[str, Any]] = {
    "integrated gradients": {"method": "integrated_gradients"},
    "occlusion": {"method": "occlusion", "window": 2, "stride": 2},
    "HiResCAM, first convolution": {"method": "hires_cam", "layers": "features.0"},
    "Grad-CAM, first convolution": {"method": "grad_cam", "layers": "features.0"},
    "HiResCAM, last convolution": {"method": "hires_cam"},
    "Grad-CAM, last convolution": {"method": "grad_cam"},
}
UNITS = [
    *({"unit": label} for label in (0, 1)),
    *({"layer": "features.3", "unit": channel} for channel in range(4)),
    *({"layer": "features.3", "unit": (channel, 1, 1)} for channel in range(4, 8)),
]


def networks(train: Part, validation: Part, seed: int) -> dict[str, Any]:
    options = {**TRAINING, "module": SmallCNN, "random_state": seed}
    plain = FairNetClassifier(strength=0, **options)
    robust = GroupDROClassifier(
        step_size=0.1, batch_sampling="group_label", weight_decay=3.0, **options
    )
    for net in (plain, robust):
        net.fit(train.X, train.y, sensitive_features=train.colors)
    tuner = BiasGradientFineTuner(
        FrozenEstimator(plain), constraints="equalized_odds", random_state=seed, device="cpu"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # where the bound is not reached
        tuner.fit(validation.X, validation.y, sensitive_features=validation.colors)
    return {"plain": plain, "group DRO": robust, "bias gradients": tuner}


def explain(nets: dict[str, Any], test: Part, found: dict[Any, list[float]]) -> None:
    for method, options in METHODS.items():
        for name, net in nets.items():
            maps = Heatmaps(net, random_state=0, **options)
            maps.fit(test.X, test.y, sensitive_features=test.colors, regions={"patch": PATCH})
            found[method, name].append(100 * maps.attention_["share"].iloc[0])
            over = maps.distances_.query("of == 'map' and `class` == 'all'")
            found[method, name, "pvalue"].append(over["pvalue"].item())


def excite(net: Any, train: Part, seed: int) -> list[bool]:
    above = []
    for unit in UNITS:
        best = ActivationMaximizer(net, random_state=seed, **unit).fit(train.X)
        above.append(best.best_activation_ > best.data_activations_.max())
    return above


def lean(seed: int, n: int = 2000) -> dict[str, dict[str, float]]:
    """Share of the gap in mean predictions that each feature carries."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b"], n)
    skill = rng.normal(size=n)
    X = pd.DataFrame({"skill": skill, "proxy": 1.5 * (group == "b") + rng.normal(size=n)})
    X["noise"] = rng.normal(size=n)
    X["group"] = 1.0 * (group == "b")
    y = skill + (group == "b") + rng.normal(size=n) > 0.5
    remover = CorrelationRemover(sensitive_features="group")
    models = {
        "plain": LogisticRegression().fit(X.drop(columns="group"), y),
        "CorrelationRemover": make_pipeline(remover, LogisticRegression()).fit(X, y),
    }
    gaps = {}
    for name, model in models.items():
        rows = X.drop(columns="group") if name == "plain" else X
        found = group_attributions(model, rows, sensitive_features=group, random_state=seed)
        gaps[name] = found.gaps.query("group == 'b'").set_index("feature")["difference"].to_dict()
    return gaps


def show_heatmaps(found: dict[Any, list[float]], seeds: int) -> None:
    print(f"\nShare of attention inside the patch, {seeds} seeds; even attention gives 2.8 %\n")
    print("| | plain | largest p | group DRO | difference | bias gradients | difference |")
    print("|---|---|---|---|---|---|---|")
    for method in METHODS:
        plain = np.array(found[method, "plain"])
        p = max(found[method, "plain", "pvalue"])
        cells = [method, f"{plain.mean():.1f}", f"{p:.3f}"]
        for name in ("group DRO", "bias gradients"):
            other = np.array(found[method, name])
            cells += [f"{other.mean():.1f}", with_interval((other - plain) / 100)]
        print("| " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=10)
    parser.add_argument("--bias", type=float, default=0.95)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    start = time.perf_counter()
    found: dict[Any, list[float]] = defaultdict(list)
    above: list[list[bool]] = []
    gaps: dict[tuple[str, str], list[float]] = defaultdict(list)
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        train, validation, test = make_parts(arguments.bias, 0.5, "patch", seed)
        nets = networks(train, validation, seed)
        for name, net in nets.items():
            found[name, "worst"].append(accuracies(net, test)[0])
        explain(nets, test, found)
        above.append(excite(nets["plain"], train, seed))
        for model, carried in lean(seed).items():
            for feature, value in carried.items():
                gaps[model, feature].append(value)
        shares = {key: round(values[-1], 1) for key, values in found.items() if key[0] in METHODS}
        print(f"seed {seed}: {shares} ({time.perf_counter() - start:.0f} s)", file=sys.stderr)
    worst = {name: np.mean(found[name, "worst"]) for name in nets}
    print("worst cell's accuracy:", {name: f"{100 * value:.1f}" for name, value in worst.items()})
    show_heatmaps(found, arguments.seeds)
    print(f"\nUnits excited above every training image: {np.sum(above)} of {np.size(above)}")
    print("\nGap in mean predictions that each feature carries, in percentage points\n")
    print("| | feature | carries |\n|---|---|---|")
    for (model, feature), values in gaps.items():
        print(f"| {model} | {feature} | {with_interval(np.array(values))} |")
    print(f"\n({time.perf_counter() - start:.0f} s)")


if __name__ == "__main__":
    main()
