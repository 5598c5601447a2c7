from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
pytest.importorskip("safetensors")

from networks import biased_rows  # noqa: E402
from torch import nn  # noqa: E402

from skfair.finetuning import (  # noqa: E402
    BiasGradientFineTuner,
    LastLayerRetrainer,
    LayerwiseDebiaser,
)
from skfair.finetuning._saving import frame_of, frame_parts  # noqa: E402

TABLE, LABELS, _ = biased_rows(300)
TABLE = TABLE.assign(skill=TABLE["skill"] / 100)
CHOICES = {"pos_label": "hire", "device": "cpu", "random_state": 0}


def a_net(width=4):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width), nn.Linear(width, 1))
    with torch.no_grad():
        net[0].weight.add_(1.0).neg_()  # "hire" is the first class, the output is of the last
        net[2].weight.fill_(0.5)
    return net


def fitted(kind=LastLayerRetrainer, net=None, **options):
    debiaser = kind(
        net or a_net(), **{"sensitive_features": "sex", "tol": 0.3, **CHOICES, **options}
    )
    return debiaser.fit(TABLE, LABELS)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (LastLayerRetrainer, {"Cs": (1.0, 0.5)}),
        (LayerwiseDebiaser, {"n_calls": 2}),
        (BiasGradientFineTuner, {"max_epochs": 2, "time_limit": 100}),
    ],
)
def test_what_is_loaded_is_what_was_saved(tmp_path, kind, options):
    debiaser = fitted(kind, **options)
    digest = debiaser.save(tmp_path / "net")
    loaded = kind.load(tmp_path / "net", a_net(), digest=digest)
    assert_array_equal(loaded.predict(TABLE), debiaser.predict(TABLE))
    assert_allclose(loaded.predict_proba(TABLE), debiaser.predict_proba(TABLE), atol=0)
    assert_array_equal(loaded.classes_, debiaser.classes_)
    assert loaded.classes_.dtype == debiaser.classes_.dtype
    for name in ("threshold_", "objective_", "bias_", "performance_", "group_labels_"):
        assert getattr(loaded, name) == getattr(debiaser, name)
    assert_array_equal(loaded.feature_names_in_, debiaser.feature_names_in_)
    pd.testing.assert_frame_equal(loaded.criteria_, debiaser.criteria_)
    pd.testing.assert_frame_equal(loaded.history_, debiaser.history_, check_dtype=False)
    known = debiaser.get_params(deep=False)
    again = loaded.get_params(deep=False)
    assert {k: v for k, v in again.items() if k != "net"} == {
        k: v for k, v in known.items() if k != "net"
    }


def test_the_network_given_to_load_stays_as_it_is(tmp_path):
    fitted().save(tmp_path / "net")
    net = a_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    LastLayerRetrainer.load(tmp_path / "net", net)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


@pytest.mark.filterwarnings("ignore:the network ranks", "ignore:within tol")
def test_a_threshold_beyond_all_scores_is_kept(tmp_path):
    net = a_net()
    nn.init.zeros_(net[2].weight)
    debiaser = fitted(LayerwiseDebiaser, net, n_calls=1, n_layers=1)
    debiaser._cut = -np.inf
    debiaser.save(tmp_path / "net")
    assert LayerwiseDebiaser.load(tmp_path / "net", a_net())._cut == -np.inf


def test_a_loaded_debiaser_can_go_on(tmp_path):
    fitted(BiasGradientFineTuner, max_epochs=2).save(tmp_path / "net")
    loaded = BiasGradientFineTuner.load(tmp_path / "net", a_net(), warm_start=True)
    steps = loaded.fit(TABLE, LABELS).history_["step"].tolist()
    assert steps[:5] == ["original", "epoch", "epoch", "original", "previous"]


def test_what_the_file_does_not_hold_must_be_given(tmp_path):
    def sex_of(table):
        return table["sex"]

    net = nn.Linear(2, 1)
    nn.init.constant_(net.weight, -1.0)
    numbers = TABLE[["skill", "proxy"]]
    debiaser = LastLayerRetrainer(
        net, sensitive_features=lambda _: TABLE["sex"], tol=0.3, **CHOICES
    )
    debiaser.fit(numbers, LABELS).save(tmp_path / "net")
    with pytest.raises(ValueError, match=r"doesn't hold \['sensitive_features'\]"):
        LastLayerRetrainer.load(tmp_path / "net", net)
    loaded = LastLayerRetrainer.load(tmp_path / "net", net, sensitive_features=sex_of)
    assert loaded.sensitive_features is sex_of
    assert_array_equal(loaded.predict(numbers), debiaser.predict(numbers))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "net"
    digest = fitted().save(path)
    with pytest.raises(ValueError, match="holds LastLayerRetrainer"):
        LayerwiseDebiaser.load(path, a_net())
    with pytest.raises(ValueError, match="doesn't fit the network"):
        LastLayerRetrainer.load(path, a_net(width=5))
    fitted(tol=0.25).save(path)
    with pytest.raises(ValueError, match="not as it was saved"):
        LastLayerRetrainer.load(path, a_net(), digest=digest)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no file of skfair"):
        LastLayerRetrainer.load(path, a_net())
    from skfair.nn.files import save_tensors

    save_tensors(path, {"a": torch.ones(1)}, {"format": 99})
    with pytest.raises(ValueError, match="format"):
        LastLayerRetrainer.load(path, a_net())
    with pytest.raises(NotFittedError):
        LastLayerRetrainer(a_net()).save(path)


def test_labels_of_groups_that_are_no_plain_values_are_refused(tmp_path):
    days = pd.to_datetime(["2020-01-01", "2020-01-02"])[(TABLE["sex"] == "m").astype(int)]
    debiaser = LastLayerRetrainer(a_net(), tol=0.3, **CHOICES)
    debiaser.fit(TABLE[["skill", "proxy"]], LABELS, sensitive_features=days)
    with pytest.raises(ValueError, match="can't be saved"):
        debiaser.save(tmp_path / "net")


def test_labels_of_intersections_are_tuples_again(tmp_path):
    both = TABLE[["sex"]].assign(old=TABLE["skill"] > 0)
    options = {**CHOICES, "tol": 1.0, "constraints": "demographic_parity"}
    debiaser = LastLayerRetrainer(a_net(), **options)
    debiaser.fit(TABLE[["skill", "proxy"]], LABELS, sensitive_features=both)
    debiaser.save(tmp_path / "net")
    loaded = LastLayerRetrainer.load(tmp_path / "net", a_net())
    assert loaded.group_labels_ == debiaser.group_labels_
    assert isinstance(loaded.group_labels_[0], tuple)


def test_frames_come_back_exactly():
    frame = pd.DataFrame(
        {"n": [1, 2], "x": [0.1, np.nan], "word": ["a", None], "good": [True, False]},
        index=["p", "q"],
    )
    numbers, words = frame_parts(frame)
    assert set(numbers) == {"n", "x", "good"}
    pd.testing.assert_frame_equal(frame_of(numbers, words), frame, check_dtype=False)
    assert frame_of(numbers, words)["n"].dtype == np.int64
