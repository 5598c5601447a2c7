"""PredictorMixture: what several predictors decide together."""

import pickle

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfair.inprocessing._mixture import PredictorMixture, constant_classifier

YES, NO = (constant_classifier(["no", "yes"], label) for label in ("yes", "no"))
X = np.zeros((4, 2))


def test_votes_and_probabilities_are_weighted_means():
    mixture = PredictorMixture([YES, NO], np.array([0.75, 0.25]))
    np.testing.assert_allclose(mixture.votes(X, "yes"), 0.75)
    np.testing.assert_allclose(mixture.predict_proba(X), [[0.25, 0.75]] * 4)


def test_members_without_a_chance_are_not_asked():
    class Silent:
        classes_ = ("no", "yes")

    mixture = PredictorMixture([Silent(), YES], np.array([0.0, 1.0]))
    assert mixture.votes(X, "yes").tolist() == [1.0] * 4


def test_other_weights_leave_the_mixture_as_it_is():
    mixture = PredictorMixture([YES, NO], np.array([0.75, 0.25]))
    np.testing.assert_allclose(mixture.reweighted((0.5, 0.5)).predict_proba(X), 0.5)
    np.testing.assert_allclose(mixture.votes(X, "yes"), 0.75)


def test_draws_follow_the_chances_and_the_seed():
    mixture = PredictorMixture([YES, NO], np.array([0.8, 0.2]))
    many = np.zeros((4000, 1))
    drawn = mixture.draw(many, np.random.default_rng(1).random(len(many)))
    assert abs((drawn == "yes").mean() - 0.8) < 0.02
    assert (drawn == mixture.draw(many, np.random.default_rng(1).random(len(many)))).all()


def test_lots_at_the_ends_of_chances():
    mixture = PredictorMixture([YES, NO], np.array([0.8, 0.2]))
    lots = np.array([0.0, np.nextafter(0.8, 0), 0.8, np.nextafter(1, 0)])
    assert mixture.draw(np.zeros((4, 1)), lots).tolist() == ["yes", "yes", "no", "no"]
    short = PredictorMixture([YES] * 9 + [NO], np.full(10, 0.1))  # the sum is below 1
    assert short.draw(np.zeros((1, 1)), np.array([np.nextafter(1, 0)])).tolist() == ["no"]


def test_a_shared_prefix_is_applied_once_and_reassembled():
    prefix = make_pipeline(StandardScaler()).fit([[0.0], [2.0]])
    mixture = PredictorMixture([YES], np.ones(1), prefix, "predictor")
    (whole,) = mixture.estimators
    assert [name for name, _ in whole.steps] == ["standardscaler", "predictor"]
    assert whole.predict([[5.0]]).tolist() == ["yes"]
    assert mixture.n_features_in_ == 1


def test_attributes_are_those_of_members():
    mixture = PredictorMixture([YES], np.ones(1))
    assert mixture.classes_.tolist() == ["no", "yes"]
    with pytest.raises(AttributeError, match="coef_"):
        mixture.coef_  # noqa: B018
    assert pickle.loads(pickle.dumps(mixture)).classes_.tolist() == ["no", "yes"]
