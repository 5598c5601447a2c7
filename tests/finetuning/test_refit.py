"""What is left of a debiaser, and what is said, where a fit goes wrong."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from networks import biased_rows  # noqa: E402

from skfair.finetuning import (  # noqa: E402
    LastLayerRetrainer,
    PruningDebiaser,
    RandomPerturbationDebiaser,
    compare_debiasers,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:within tol", "ignore:fine", "ignore:the network ranks"
)


def rows():
    X, y, _ = biased_rows(400, 0)
    numbers = np.column_stack([X["skill"] / 100, X["proxy"]]).astype(np.float32)
    return numbers, np.where(y == "hire", "yes", "no"), X["sex"].to_numpy()


def a_net():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    with torch.no_grad():
        net[0].weight.fill_(0.5), net[2].weight.fill_(1.0)
    return net


def debiaser(**options):
    return RandomPerturbationDebiaser(
        a_net(), pos_label="yes", n_trials=2, tol=1.0, random_state=0, device="cpu", **options
    )


def test_a_debiaser_whose_first_fit_failed_is_not_fitted():
    X, y, _ = rows()
    model = debiaser()
    with pytest.raises(ValueError, match="sensitive_features"):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
    with pytest.raises(NotFittedError):
        model.predict(X)


class Interrupted(RandomPerturbationDebiaser):
    """Ends by Ctrl-C once its parameter says so."""

    def _candidates(self, search, rng):
        if self.sigma == 9.0:
            raise KeyboardInterrupt
        yield from super()._candidates(search, rng)


@pytest.mark.parametrize("how", ["interrupted", "refused"])
def test_a_debiaser_whose_second_fit_failed_is_as_it_was(how):
    X, y, sex = rows()
    model = Interrupted(a_net(), pos_label="yes", n_trials=2, tol=1.0, random_state=0, device="cpu")
    model.fit(X, y, sensitive_features=sex)
    decided, told, rng = model.predict(X), dict(vars(model)), model._rng.bit_generator.state
    other = np.where(y == "yes", "A", "B")
    model.set_params(pos_label="A")
    if how == "interrupted":
        model.set_params(sigma=9.0)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, other, sensitive_features=sex)
        model.set_params(sigma=0.1)
    else:
        with pytest.raises(ValueError, match="one group only"):
            model.fit(X, other, sensitive_features=np.full(len(X), "f"))
    model.set_params(pos_label="yes")
    assert model.classes_.tolist() == ["no", "yes"]
    assert_array_equal(model.predict(X), decided)
    assert set(vars(model)) == set(told)
    assert model._rng.bit_generator.state == rng


def test_warnings_and_errors_of_a_comparison_name_the_competitor():
    X, y, sex = rows()
    groups = {"sensitive_features_val": sex, "sensitive_features_test": sex}
    options = {"pos_label": "yes", **groups}
    strict = PruningDebiaser(
        a_net(), pos_label="yes", tol=0.0, margin=0.0, validation_fraction=0.0, device="cpu"
    )
    with pytest.warns(UserWarning, match="^pruned: within tol=0|^pruned: no network"):
        compare_debiasers({"pruned": strict}, X, y, X, y, **options)
    wrong = LastLayerRetrainer(a_net(), pos_label="yes", n_subsets=0)
    with pytest.raises(ValueError, match="n_subsets") as told:
        compare_debiasers({"fine": debiaser(), "wrong": wrong}, X, y, X, y, **options)
    assert told.value.__notes__ == ["(while 'wrong' was fitted)"]


def test_a_warning_says_which_rows_are_the_fewest():
    X, y, sex = rows()
    sex = sex.astype(object)
    sex[np.flatnonzero(y == "yes")[:3]] = sex[np.flatnonzero(y == "no")[:9]] = None
    model = debiaser().set_params(tol=0.0, margin=0.0)
    with pytest.warns(UserWarning, match="the fewest are the 3 rows of '<missing>' that are pos"):
        model.fit(X, y, sensitive_features=sex)
