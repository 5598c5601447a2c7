"""The choice among candidates, by hand-made decisions."""

from __future__ import annotations

import pytest

import skfair.cli._search
from skfair.cli._candidates import Candidate, Wanted
from skfair.cli._problems import CommandError
from skfair.cli._search import Trial, choose
from skfair.criteria import CRITERIA
from skfair.metrics import demographic_parity_difference
from skfair.tally import Tally


def wanted(criterion="demographic_parity", bound=0.05, metric="accuracy"):
    return Wanted(CRITERIA[criterion], bound, metric, ["sex"], "yes", 0)


def trial(name, cells, aim=None, error=""):
    """A trial of two groups with these tn, fp, fn, tp each."""
    aim = aim or wanted()
    if error:
        return Trial(Candidate(name, None), aim, None, 0.0, error)
    y, p, s = [], [], []
    for group, counts in zip("fm", cells, strict=True):
        for (label, found), n in zip([(0, 0), (0, 1), (1, 0), (1, 1)], counts, strict=True):
            y += [("no", "yes")[label]] * n
            p += [("no", "yes")[found]] * n
            s += [group] * n
    return Trial(Candidate(name, None), aim, Tally.from_arrays(y, p, s), 0.0)


PLAIN = trial("plain", [(90, 10, 10, 90), (50, 50, 0, 100)])  # accuracy .825, parity gap .25
FAIR = trial("fair", [(80, 20, 20, 80), (80, 20, 20, 80)])  # .8 and 0
WEAK = trial("weak", [(70, 30, 30, 70), (70, 30, 30, 70)])  # .7 and 0
NOBODY = trial("nobody", [(1000, 0, 4, 0), (1000, 0, 4, 1)])
CHANCE = trial("chance", [(50, 50, 5, 5), (50, 50, 5, 5)])


def test_figures_of_a_trial():
    assert (PLAIN.score, PLAIN.violation) == (pytest.approx(0.825), pytest.approx(0.25))
    assert PLAIN.share == pytest.approx(0.625)
    assert (PLAIN.is_within, FAIR.is_within) == (False, True)
    aim = wanted("disparate_impact", bound=0.8, metric="balanced_accuracy")
    ratio = trial("x", [(90, 10, 10, 90), (50, 50, 0, 100)], aim)
    assert ratio.violation == pytest.approx(0.5 / 0.75)
    assert ratio.score == pytest.approx((190 / 200 + 140 / 200) / 2)
    assert not ratio.is_within


def test_the_best_within_the_bound_wins():
    assert choose([PLAIN, WEAK, FAIR]) == (FAIR, [])


def test_else_the_least_violation():
    worse = trial("worse", [(90, 10, 10, 90), (40, 60, 0, 100)])
    assert choose([worse, PLAIN])[0] is PLAIN


def test_nearly_constant_winners_are_refused():
    chosen, refused = choose([PLAIN, NOBODY, WEAK])
    assert chosen is WEAK
    assert [(t.candidate.name, "nearly constant" in why) for t, why in refused] == [
        ("nobody", True)
    ]
    everybody = trial("everybody", [(0, 4, 0, 1000), (1, 4, 0, 1000)])
    assert "99.9 %" in everybody.why_refused() or "100.0 %" in everybody.why_refused()


def test_chance_is_refused():
    chosen, refused = choose([CHANCE, PLAIN])
    assert chosen is PLAIN
    assert "isn't shown to be above 0.5" in refused[0][1]


def test_where_all_are_refused_or_failed_there_is_no_model():
    with pytest.raises(CommandError, match="all 2 that could be judged are refused") as error:
        choose([NOBODY, CHANCE])
    assert error.value.code == 3
    with pytest.raises(CommandError, match="could be fitted; x: ValueError: no") as error:
        choose([trial("x", [], error="ValueError: no")])
    assert error.value.code == 3
    small = trial("x", [(9, 1, 1, 9), (9, 1, 1, 9)])
    with pytest.raises(CommandError, match=r"undefined for every model.*--min-group-size"):
        choose([small])


def test_a_failed_candidate_is_noted_and_never_wins():
    chosen, refused = choose([trial("x", [], error="ValueError: no"), FAIR])
    assert (chosen, refused) == (FAIR, [])


def test_the_violation_is_that_of_the_metric(frame):
    tally = Tally.from_arrays(frame["hired"], frame["decision"], frame["sex"])
    expected = demographic_parity_difference(
        frame["hired"], frame["decision"], sensitive_features=frame["sex"], pos_label="yes"
    )
    assert Trial(Candidate("x", None), wanted(), tally, 0.0).violation == pytest.approx(expected)


def test_a_bar_is_shown_on_a_terminal(monkeypatch, capsys):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(skfair.cli._search.sys.stderr, "isatty", lambda: True)
    assert list(skfair.cli._search.with_progress([1, 2], 2, True)) == [1, 2]
    assert "skfair mitigate" in capsys.readouterr().err
    assert list(skfair.cli._search.with_progress([1, 2], 2, False)) == [1, 2]
    assert capsys.readouterr().err == ""
