"""How long an epoch of a fair network takes beside a bare torch loop of the same algorithm.

50,000 rows of 100 columns, batches of 512, one thread. The loops hold the rows as tensors and make
batches by index, as skfair does; so what is compared is the cost of skorch and of the shell. Epochs
are timed in turn, and the median is taken of each and of their ratios. Where fairlearn is
installed, its AdversarialFairnessClassifier of the same two networks (rectifiers, Adam without
decay, constant rates, float32) runs beside skfair's: an epoch beside its fit of one more epoch,
which is the least that it can be asked for, and whole fits beside whole fits. fairlearn does not
standardise X; skfair does, and once more doesn't.

    OMP_NUM_THREADS=1 python benchmarks/neural.py [--rows 50000] [--columns 100] [--epochs 9]
        [--fits 9] [--fit-epochs 5] [--device cpu]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from skfair.criteria import CRITERIA
from skfair.inprocessing import (
    AdversarialDebiasedClassifier,
    FairNetClassifier,
    GroupDROClassifier,
)
from skfair.nn import GroupDROLoss, SoftGapLoss, adversarial_gradient, make_mlp

BATCH, GROUPS = 512, 4


def make_rows(n: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, columns)).astype(np.float32)
    groups = rng.integers(GROUPS, size=n)
    y = (X[:, :10].sum(axis=1) + groups + rng.normal(size=n) > 1.5).astype(np.int64)
    return X, y, groups


def bare_epochs(loss: Any, rows: tuple[np.ndarray, ...], device: str) -> Iterator[float]:
    """Seconds of the training steps of each epoch, written out in torch."""
    X, y, groups = (torch.from_numpy(part).to(device) for part in rows)
    weights = torch.ones(len(X), device=device)
    net, loss = make_mlp(X.shape[1], 2).to(device), loss.to(device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.0)
    while True:
        start, total = time.perf_counter(), 0.0
        for places in torch.randperm(len(X)).split(BATCH):
            places = places.to(device)
            optimizer.zero_grad()
            found = loss(net(X[places]), (y[places], groups[places], weights[places]))
            found.backward()
            optimizer.step()
            total += found.item()
        yield time.perf_counter() - start


def bare_projection(rows: tuple[np.ndarray, ...], device: str) -> Iterator[float]:
    """Seconds of the epochs of Zhang's update, written out in torch."""
    X, y, groups = (torch.from_numpy(part).to(device) for part in rows)
    weights = torch.ones(len(X), device=device)
    net, adversary = make_mlp(X.shape[1], 2).to(device), make_mlp(2, GROUPS, (32,)).to(device)
    params, own = list(net.parameters()), list(adversary.parameters())
    optimizer = torch.optim.AdamW([*params, *own], lr=1e-3, weight_decay=0.0)
    entropy = torch.nn.functional.cross_entropy
    while True:
        start, total = time.perf_counter(), 0.0
        for places in torch.randperm(len(X)).split(BATCH):
            places = places.to(device)
            logits, w = net(X[places]), weights[places]
            loss = (w * entropy(logits, y[places], reduction="none")).sum() / w.sum()
            seen = logits - logits.mean(dim=1, keepdim=True)
            guess = (w * entropy(adversary(seen), groups[places], reduction="none")).sum() / w.sum()
            g = torch.autograd.grad(loss, params, retain_graph=True)
            both = torch.autograd.grad(guess, [*params, *own])
            direction = adversarial_gradient(g, both[: len(params)], 1.0)
            for tensor, slope in zip(
                [*params, *own], [*direction, *both[len(params) :]], strict=True
            ):
                tensor.grad = slope
            optimizer.step()
            total += loss.item()
        yield time.perf_counter() - start


def our_epochs(model: Any, rows: tuple[np.ndarray, ...]) -> Iterator[float]:
    """Seconds of each epoch of the estimator's net, as skorch counts them."""
    X, y, groups = rows
    while True:
        model.fit(X, y, sensitive_features=groups)  # warm: each call is one more epoch
        yield float(model.history_["dur"].iloc[-1])


def fairlearn_model(device: str, epochs: int = 1, warm_start: bool = False) -> Any:
    """Make fairlearn's classifier with the networks of skfair's."""
    from fairlearn.adversarial import AdversarialFairnessClassifier

    return AdversarialFairnessClassifier(
        backend="torch",
        predictor_model=[64, "relu", 64, "relu"],
        adversary_model=[32, "relu"],
        predictor_optimizer="Adam",
        adversary_optimizer="Adam",
        learning_rate=1e-3,
        epochs=epochs,
        batch_size=BATCH,
        shuffle=True,
        warm_start=warm_start,
        cuda=None if device == "cpu" else device,
        random_state=0,
    )


def fits(model: Any, rows: tuple[np.ndarray, ...]) -> Iterator[float]:
    """Seconds of each call of fit: a new network, or with warm_start one that goes on."""
    X, y, groups = rows
    names = np.array(["a", "b", "c", "d"])[groups]
    while True:
        start = time.perf_counter()
        model.fit(X, y, sensitive_features=names)
        yield time.perf_counter() - start


def say_what_ran(mine: Any, theirs: Any, epochs: int) -> None:
    """Print how many batches each side really ran in an epoch, and in which numbers."""
    ours, peer = mine.net_.module_, theirs.backendEngine_.predictor_model
    types = [next(module.parameters()).dtype for module in (ours, peer)]
    batches = len(mine.net_.history[-1]["batches"]), theirs.n_iter_ / epochs
    print(f"batches an epoch: {batches[0]} and {batches[1]:g}; {types[0]} and {types[1]}")


def compare(name: str, ours: Iterator[float], bare: Iterator[float], epochs: int) -> None:
    pairs = [(next(ours), next(bare)) for _ in range(epochs + 1)][1:]
    mine, floor = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"{name:24} {mine:8.3f} s {floor:8.3f} s   x {ratio:.2f}", flush=True)


def cases(options: dict[str, Any]) -> dict[str, tuple[Any, Callable[[], Any]]]:
    sizes = torch.full((GROUPS,), 1000.0)
    parity = [CRITERIA["demographic_parity"]]
    return {
        "plain": (
            FairNetClassifier(strength=0, **options),
            lambda: SoftGapLoss(parity, GROUPS, strength=0),
        ),
        "soft gap": (FairNetClassifier(**options), lambda: SoftGapLoss(parity, GROUPS)),
        "group DRO": (
            GroupDROClassifier(worst_over="group", **options),
            lambda: GroupDROLoss(sizes),
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--fits", type=int, default=9)
    parser.add_argument("--fit-epochs", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = make_rows(arguments.rows, arguments.columns)
    options = {
        "batch_size": BATCH,
        "batch_sampling": None,
        "max_epochs": 1,
        "warm_start": True,
        "device": arguments.device,
        "random_state": 0,
    }
    print(f"{'one epoch':24} {'skfair':>10} {'beside':>10}   ratio")
    for name, (model, loss) in cases(options).items():
        bare = bare_epochs(loss(), rows, arguments.device)
        compare(name, our_epochs(model, rows), bare, arguments.epochs)
    model = AdversarialDebiasedClassifier(**options)
    bare = bare_projection(rows, arguments.device)
    compare("adversary, projection", our_epochs(model, rows), bare, arguments.epochs)
    if not find_spec("fairlearn"):
        return
    theirs = fits(fairlearn_model(arguments.device, warm_start=True), rows)
    compare("the same, fairlearn's", our_epochs(model, rows), theirs, arguments.epochs)
    fit_epochs = arguments.fit_epochs
    peer = fairlearn_model(arguments.device, fit_epochs)
    options |= {"max_epochs": fit_epochs, "warm_start": False, "lr_schedule": None}
    for standardize in (True, False):
        mine = AdversarialDebiasedClassifier(**options, standardize=standardize)
        name = f"fit of {fit_epochs}, fairlearn's" if standardize else "and X left as it is"
        compare(name, fits(mine, rows), fits(peer, rows), arguments.fits)
    say_what_ran(mine, peer, fit_epochs)


if __name__ == "__main__":
    main()
