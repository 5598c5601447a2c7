"""What the benchmark of fine-tuning reads, keeps and judges."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import finetuning as benchmark  # noqa: E402
from _quality.data import Part  # noqa: E402


def part(n=300, seed=0):
    rng = np.random.default_rng(seed)
    codes = rng.integers(2, size=n)
    X = (rng.normal(size=(n, 2)) + codes[:, None] * [1, 0]).astype(np.float32)
    y = (X[:, 1] > 0).astype(int)
    return Part(X, y, np.array(["a", "b"])[codes], codes, None)


def a_task():
    network = torch.nn.Linear(2, 1)
    with torch.no_grad():
        network.weight.fill_(1.0)
        network.bias.fill_(-0.5)
    return benchmark.Task(network, part(2000), part(seed=1), 0)


@pytest.mark.parametrize("name", ["original", "threshold", "reject", "last"])
def test_methods_are_measured_on_test_rows(name):
    task = a_task()
    found = benchmark.run(name, task)
    cells = np.array(found["test"])
    expected = np.bincount(2 * task.test.codes + task.test.y, minlength=4)
    assert np.stack([cells[:, :2].sum(1), cells[:, 2:].sum(1)], 1).ravel().tolist() == (
        expected.tolist()
    )
    assert benchmark.balanced_accuracy(cells) > 0.6


def test_a_constant_network_does_not_pass():
    good = [[[80.0, 20, 20, 80], [75, 25, 22, 78]] for _ in range(3)]
    constant = [[[100.0, 0, 100, 0], [100, 0, 100, 0]] for _ in range(3)]
    rows = [
        {"method": name, "seed": seed, "test": cells}
        for name, several in (("threshold", good), ("last", constant), ("gradient", good))
        for seed, cells in enumerate(several)
    ]
    seeds = benchmark.seeds_of(rows, "threshold", "last")
    assert seeds == [0, 1, 2]
    other = benchmark.measured(rows, "threshold", seeds)
    for name, expected in (("last", False), ("gradient", True)):
        own = benchmark.measured(rows, name, seeds)
        bias = benchmark.student(own.bias - other.bias)
        lost = benchmark.student(other.balanced - own.balanced)
        assert benchmark.passes(bias, lost) is expected
    assert other.objective.tolist() == other.balanced.tolist()
    far = benchmark.Measured(np.array([0.06]), np.array([0.9]), np.array([0.9]))
    assert far.objective.tolist() == [0.0]


def test_students_interval():
    found = benchmark.student([1.0, 2.0, 3.0])
    assert found.mean == 2
    assert found.high == pytest.approx(2 + 4.302653 / np.sqrt(3), abs=1e-5)


def test_the_perceptron_has_the_papers_layers():
    layers = [m for m in benchmark.make_perceptron(7).modules() if isinstance(m, torch.nn.Linear)]
    assert [m.out_features for m in layers] == [32] * 10 + [1]


def test_digits_have_the_ties_that_they_should():
    parts = benchmark.read_digits(0, 0.5)
    images = [p.X.reshape(len(p.X), -1) for p in parts]
    assert [len(p) for p in images] == [599, 599, 599]
    ties = [abs(np.corrcoef(p.codes, p.y)[0, 1]) for p in parts]
    assert ties[0] == pytest.approx(0.8, abs=0.1)
    assert max(ties[1:]) < 0.15


def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(benchmark, "read_table", lambda data, seed: (part(), part(), part()))
    monkeypatch.setattr(benchmark, "trained", lambda *_: None)
    monkeypatch.setattr(
        benchmark, "run", lambda name, task: seen.append((name, task.seed)) or {"test": [[1.0]]}
    )
    file = tmp_path / "adult.jsonl"
    file.write_text('{"method": "last", "seed": 0, "test": []}\n{"method": "la')
    options = argparse.Namespace(first=0, seeds=2, methods=["last", "random"], results=tmp_path)
    file.write_text(file.read_text() + "\n")
    benchmark.run_all(options, "adult", file)
    assert seen == [("random", 0), ("last", 1), ("random", 1)]
    benchmark.run_all(options, "adult", file)
    assert len(seen) == 3
    assert len(benchmark.read_lines(file)) == 4


def test_networks_are_kept(tmp_path, monkeypatch):
    monkeypatch.setitem(benchmark.TRAINING, "german", (64, 1))
    rows = part()
    first = benchmark.trained("german", 0, rows, tmp_path)
    again = benchmark.trained("german", 0, rows, tmp_path)
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not again.training
