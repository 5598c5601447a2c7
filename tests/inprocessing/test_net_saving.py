from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
pytest.importorskip("safetensors")

from networks import SmallCNN, biased_rows, images  # noqa: E402

from skfair.criteria import CRITERIA, RATES, Criterion  # noqa: E402
from skfair.groups import Bins  # noqa: E402
from skfair.inprocessing import (  # noqa: E402
    AdversarialDebiasedClassifier,
    AdversarialDebiasedRegressor,
    FairNetClassifier,
    GroupDROClassifier,
)
from skfair.nn.files import load_tensors, save_tensors  # noqa: E402

SMALL = {"sensitive_features": "sex", "hidden_sizes": (4,), "max_epochs": 2, "random_state": 0}


def table():
    X, y, _ = biased_rows(120)
    X["job"] = pd.Series(np.where(np.arange(120) % 3 == 0, None, "a"), dtype=object)
    return X, y


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (FairNetClassifier, {"batch_sampling": "group_label", "pos_label": "hire"}),
        (GroupDROClassifier, {"adjustment": 1.0, "batch_sampling": None}),
        (AdversarialDebiasedClassifier, {"constraints": "equalized_odds"}),
    ],
)
def test_what_was_saved_predicts_alike_and_goes_on(kind, options, tmp_path):
    X, y = table()
    fitted = kind(**SMALL, **options).fit(X, y)
    digest = fitted.save(tmp_path / "model")
    again = kind.load(tmp_path / "model", digest=digest)
    assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert_array_equal(again.predict(X), fitted.predict(X))
    assert again.get_params() == fitted.get_params()
    assert again.feature_names_in_.tolist() == X.columns.tolist()
    pd.testing.assert_frame_equal(again.history_, fitted.history_)
    state = again.net_.criterion_.state_dict()
    for name, tensor in fitted.net_.criterion_.state_dict().items():
        torch.testing.assert_close(state[name], tensor, rtol=0, atol=0)
    again.partial_fit(X, y)
    assert again.history_.index.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="unseen"):
        again.partial_fit(X.assign(sex="x"), y)


def test_numbers_come_back_on_their_scale(tmp_path):
    X, y = table()
    pay = np.where(y == "hire", 5000.0, 3000.0)
    fitted = AdversarialDebiasedRegressor(**SMALL).fit(X, pay)
    fitted.save(tmp_path / "model")
    assert_array_equal(
        AdversarialDebiasedRegressor.load(tmp_path / "model").predict(X), fitted.predict(X)
    )


@pytest.mark.parametrize("labels", [["no", "yes"], [0, 1], [False, True], [1.0, 2.0]])
def test_labels_and_crossed_groups_keep_their_kind(labels, tmp_path):
    X, y = table()
    options = SMALL | {"sensitive_features": ["sex", "job"]}
    fitted = GroupDROClassifier(**options).fit(X, np.array(labels)[(y == "hire").astype(int)])
    fitted.save(tmp_path / "model")
    again = GroupDROClassifier.load(tmp_path / "model")
    assert again.classes_.dtype == fitted.classes_.dtype
    pd.testing.assert_frame_equal(again.group_weights_, fitted.group_weights_)


def test_a_module_of_ones_own_is_asked_for(tmp_path):
    X, y, group = images(60)
    layer = {"method": "reversal", "representation": "conv", "module": SmallCNN, "max_epochs": 1}
    fitted = AdversarialDebiasedClassifier(**layer).fit(X, y, sensitive_features=group)
    fitted.save(tmp_path / "model")
    load = AdversarialDebiasedClassifier.load
    with pytest.raises(ValueError, match=r"pass load\(path, module=...\)"):
        load(tmp_path / "model")
    again = load(tmp_path / "model", module=SmallCNN, verbose=0)
    assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    with pytest.raises(ValueError, match="the file doesn't fit the module"):
        load(tmp_path / "model", module=lambda n_outputs: SmallCNN(n_outputs, channels=5))


def test_callables_and_callbacks_are_left_out(tmp_path):
    X, y = table()
    options = SMALL | {
        "sensitive_features": lambda X: X["sex"],
        "random_state": np.random.RandomState(0),
    }
    fitted = FairNetClassifier(**options).fit(X, y)
    fitted.save(tmp_path / "model")
    again = FairNetClassifier.load(tmp_path / "model")
    assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert again.sensitive_features is None
    again.partial_fit(X, y, sensitive_features=X["sex"])


def test_bins_and_criteria_come_back_or_are_asked_for(tmp_path):
    X, y = table()
    options = SMALL | {"sensitive_features": Bins("proxy", [0.0, 1.0])}
    own = Criterion("mine", (RATES["selection_rate"],))
    for criterion, known in ((CRITERIA["disparate_impact"], True), (own, False)):
        fitted = FairNetClassifier(constraints=criterion, **options).fit(X, y == "hire")
        fitted.save(tmp_path / "model")
        if not known:
            with pytest.raises(ValueError, match=r"pass load\(path, constraints=...\)"):
                FairNetClassifier.load(tmp_path / "model")
        given = {} if known else {"constraints": own}
        again = FairNetClassifier.load(tmp_path / "model", **given)
        assert again.net_.criterion_.criteria == (criterion,)
        assert again.sensitive_features == Bins("proxy", [0.0, 1.0])
    with pytest.raises(ValueError, match=r"set \['standardize'\] by set_params after loading"):
        FairNetClassifier.load(tmp_path / "model", constraints=own, standardize=False)


@pytest.fixture
def saved(tmp_path):
    X, y = table()
    path = tmp_path / "model"
    FairNetClassifier(**SMALL).fit(X, y).save(path)
    return path


@pytest.mark.parametrize("place", [3, 40, 200, -1])
def test_a_changed_byte_is_refused(place, saved):
    data = bytearray(saved.read_bytes())
    data[place] ^= 1
    saved.write_bytes(data)
    with pytest.raises(ValueError, match=r"damaged|not as it was saved"):
        FairNetClassifier.load(saved)


@pytest.mark.parametrize("data", [b"", b"x", b"\x80\x04.", bytes(100), b"{}" * 50])
def test_other_files_are_refused(data, saved):
    saved.write_bytes(data)
    with pytest.raises(ValueError, match="is no file of skfair, or it is damaged"):
        FairNetClassifier.load(saved)
    with pytest.raises(FileNotFoundError):
        FairNetClassifier.load(saved.parent / "none")


def test_a_file_that_was_rewritten_is_refused_by_its_digest(saved):
    tensors, about = load_tensors(saved)
    digest = save_tensors(saved, tensors, about)
    FairNetClassifier.load(saved, digest=digest)
    tensors["module.output.bias"] = tensors["module.output.bias"] + 1
    save_tensors(saved, tensors, about)
    FairNetClassifier.load(saved)
    with pytest.raises(ValueError, match=f"and not {digest}"):
        FairNetClassifier.load(saved, digest=digest)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimator": "GroupDROClassifier"}, r"holds GroupDROClassifier: load it by"),
        ({"format": 99}, "this version of skfair can't read"),
        ({"params": {"sesame": 1}}, r"no parameters \['sesame'\]"),
        ({"params": {"lr": -1.0}}, "lr must be"),
        ({"fitted": {"predict": "x"}}, r"shouldn't have, \['predict'\]"),
        ({"fitted": {"_input_shape": {"tuple": [30_000_000]}}}, "rows of .* numbers"),
        ({"fitted": {"_groups": 3}}, "description in .* is damaged"),
        (
            {"fitted": {"classes_": {"array": [1], "dtype": "M8[s]"}}},
            "array of the dtype datetime64",
        ),
        ({"fitted": {"classes_": {"array": [1], "dtype": "?!"}}}, "damaged"),
        ({"history": {"epoch": 3}}, "damaged"),
    ],
)
def test_descriptions_that_do_not_fit_are_refused(change, message, saved):
    tensors, about = load_tensors(saved)
    for name, value in change.items():
        about[name] = about[name] | value if isinstance(value, dict) else value
    save_tensors(saved, tensors, about)
    with pytest.raises(ValueError, match=message):
        FairNetClassifier.load(saved)


def test_no_code_lies_in_a_file(saved):
    length = int.from_bytes(saved.read_bytes()[:8], "little")
    header = json.loads(saved.read_bytes()[8 : 8 + length])
    assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} == {"F32"}


def test_what_cannot_be_saved_says_so(tmp_path):
    X, y = table()
    with pytest.raises(NotFittedError):
        FairNetClassifier().save(tmp_path / "model")
    groups = pd.to_datetime(np.where(X["sex"] == "f", "2020-01-01", "2021-01-01"))
    fitted = FairNetClassifier(**(SMALL | {"sensitive_features": None}))
    fitted.fit(X.drop(columns="sex"), y, sensitive_features=groups)
    with pytest.raises(ValueError, match=r"this FairNetClassifier can't be saved: .*Timestamp"):
        fitted.save(tmp_path / "model")
