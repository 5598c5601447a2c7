"""The guide's code runs in order, with stand-ins where Prometheus and MLflow aren't installed."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs/monitoring.md"
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)


class Gauge:
    """What the recipe uses of prometheus_client.Gauge."""

    def __init__(self, name, documentation, labelnames):
        assert re.fullmatch(r"[a-z_]+", name)
        self.names, self.values = set(labelnames), {}

    def labels(self, **labels):
        assert set(labels) == self.names
        assert all(isinstance(value, str) for value in labels.values())
        return SimpleNamespace(set=lambda x: self.values.update({tuple(labels.values()): float(x)}))


@pytest.fixture
def logged(monkeypatch):
    """Metrics that were logged to MLflow's stand-in."""
    metrics = []

    def log_metric(key, value, step):
        assert re.fullmatch(r"[\w\-./ ]+", key)  # the characters that MLflow takes
        metrics.append((key, float(value), int(step)))

    stand_in = SimpleNamespace(log_metric=log_metric)
    monkeypatch.setitem(sys.modules, "mlflow", stand_in)
    if find_spec("prometheus_client") is None:
        monkeypatch.setitem(sys.modules, "prometheus_client", SimpleNamespace(Gauge=Gauge))
    return metrics


@pytest.mark.slow
def test_the_guide_to_monitoring_runs_in_order(logged):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    scope: dict = {}
    for code in PYTHON.findall(GUIDE.read_text(encoding="utf-8")):
        exec(compile(code, "monitoring.md", "exec"), scope)
    plt.close("all")
    alerts = scope["monitor"].alerts_
    first = alerts[alerts["figure"] == "true_positive_rate"].iloc[0]
    assert first["group"] == "f"
    assert 30 <= (first["first_time"] - scope["pd"].Timestamp("2026-01-01")).days < 45
    assert "bound" in set(alerts["kind"])
    assert len(scope["pages"]) == len(alerts)
    labelled = scope["late"].to_frame(figure="true_positive_rate")["labelled"]
    assert (labelled < 1).all()
    fates = scope["late"].n_labels_
    assert fates["matched"] == sum(fates.values()) == 900
    assert scope["both"].to_frame()["n"].sum() == 200
    assert scope["again"].alerts_.equals(alerts)
    assert len(logged) == len({(key, step) for key, _, step in logged}) > 100
    gauge = scope["RATE"]
    if isinstance(gauge, Gauge):
        assert gauge.values["true_positive_rate", "all", "sex", "f"] < 0.7
