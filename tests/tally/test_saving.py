from __future__ import annotations

import datetime
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from skfair.groups import MISSING
from skfair.tally import ScoreTally, Tally

ENDINGS = [".json", ".parquet"]
RNG = np.random.default_rng(2)
WEIGHTS = [0.1, 1 / 3, 1e-9, 0.0, 7e20, 2.0]


def tally_of(groups, labels=(0, 1), weights=WEIGHTS):
    true = [labels[k % 2] for k in range(6)]
    pred = [labels[k % 3 == 0] for k in range(6)]
    return Tally.from_arrays(true, pred, groups, sample_weight=weights)


TALLIES = {
    "text": tally_of(["", "a", '"; DROP', "\u00fc\u4e2d\U0001f600\n", "1", "null"]),
    "integers": tally_of([1, 2, 2**40, -1, 0, 1]),
    "numpy": tally_of(np.array([1, 2, 3, 1, 2, 3], dtype=np.int8)),
    "floats": tally_of([0.1, 1 / 3, float("inf"), -float("inf"), 1e300, 2.0]),
    "booleans": tally_of([True, False] * 3, (False, True)),
    "missing": tally_of(["a", None, "b", None, "a", "b"]),
    "several": tally_of({"g": ["a", None] * 3, "n": [1, 1, 2, 2, None, 3], "b": [True, False] * 3}),
    "dates": tally_of([datetime.date(2024, 2, 29)] * 3 + [datetime.date(1969, 1, 1)] * 3),
    "timestamps": tally_of(pd.to_datetime(["2024-02-29 01:02:03.000004"] * 5 + [None])),
    "classes of text": tally_of(list("aabbcc"), ("no", "yes")),
    "classes of floats": tally_of(list("aabbcc"), (-1.0, 0.5)),
    "no weights": tally_of(list("aabbcc"), weights=None),
}


def scores(groups=("a", "b", None), edges=(-0.5, 1 / 3, 0.5)):
    return ScoreTally.from_arrays(
        [0, 1, 1], [0.2, 0.5, 0.9], list(groups), edges=list(edges), sample_weight=[0.1, 1 / 3, 2]
    )


def kinds(values):
    return [tuple(map(type, v)) if isinstance(v, tuple) else type(v) for v in values]


def assert_equal(found, expected):
    assert type(found) is type(expected)
    for name in ("labels", "names", "classes"):
        assert getattr(found, name) == getattr(expected, name)
        assert kinds(getattr(found, name)) == kinds(getattr(expected, name))
    for name in ("weight", "weight2", "count"):
        values = getattr(found, name)
        assert values.dtype == getattr(expected, name).dtype
        assert_array_equal(values, getattr(expected, name))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", TALLIES)
def test_what_is_saved_is_loaded(tmp_path, name, ending):
    TALLIES[name].save(tmp_path / f"t{ending}")
    assert_equal(Tally.load(str(tmp_path / f"t{ending}")), TALLIES[name])


@pytest.mark.parametrize("ending", ENDINGS)
def test_scores_are_saved(tmp_path, ending):
    scores().save(str(tmp_path / f"t{ending}"))
    found = ScoreTally.load(tmp_path / f"t{ending}")
    assert_equal(found, scores())
    assert found.edges.tolist() == [-0.5, 1 / 3, 0.5]
    assert found.positive == scores().positive == 1
    assert found.at(0.5).cells().tolist() == scores().at(0.5).cells().tolist()


@pytest.mark.parametrize("ending", ENDINGS)
def test_parts_that_are_loaded_add_up(tmp_path, ending):
    true, pred = RNG.integers(0, 3, (2, 60))
    groups = RNG.choice(["a", "b", "c"], 60)
    halves = [slice(0, 3), slice(3, 60)]
    for k, rows in enumerate(halves):
        part = Tally.from_arrays(true[rows], pred[rows], groups[rows])
        part.save(tmp_path / f"{k}{ending}")
    total = sum(Tally.load(tmp_path / f"{k}{ending}") for k in range(2))
    assert_equal(total, Tally.from_arrays(true, pred, groups))


def test_numpy_labels_become_plain(tmp_path):
    made = Tally((np.str_("a"),), ("g",), (np.int64(1),), *np.ones((2, 1, 1, 1)), count())
    made.save(tmp_path / "t.json")
    found = Tally.load(tmp_path / "t.json")
    assert (kinds(found.labels), kinds(found.classes)) == ([str], [int])


def count():
    return np.ones((1, 1, 1), dtype=np.int64)


def test_files_are_json_that_anything_reads(tmp_path):
    TALLIES["floats"].save(tmp_path / "t.json")
    text = (tmp_path / "t.json").read_text(encoding="utf-8")

    def refuse(constant):
        raise AssertionError(constant)

    header = json.loads(text, parse_constant=refuse)
    assert header["format"] == "skfair tally"
    assert header["version"] == 1
    assert header["class"] == "Tally"
    assert header["shape"] == [6, 2, 2]


def test_parquet_has_a_row_a_cell(tmp_path):
    TALLIES["text"].save(tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet")
    assert table.column_names == ["weight", "weight2", "count"]
    assert table["count"].to_pylist() == TALLIES["text"].count.ravel().tolist()


@pytest.mark.parametrize("label", [pd.Timestamp("2024-01-01", tz="UTC"), b"a", 1j, None, object()])
@pytest.mark.parametrize("ending", ENDINGS)
def test_labels_that_cannot_be_saved(tmp_path, label, ending):
    tally = Tally(("a", label), ("g",), (0,), *np.ones((2, 2, 1, 1)), np.ones((2, 1, 1), int))
    with pytest.raises(TypeError, match="make it a string first"):
        tally.save(tmp_path / f"t{ending}")
    assert not (tmp_path / f"t{ending}").exists()


@pytest.mark.parametrize("name", ["t", "t.csv", "t.pkl", "t.json.gz"])
def test_endings_that_say_no_format(tmp_path, name):
    with pytest.raises(ValueError, match=r"must end in \.json or \.parquet"):
        scores().save(tmp_path / name)
    with pytest.raises(ValueError, match=r"must end in \.json or \.parquet"):
        ScoreTally.load(tmp_path / name)


@pytest.mark.parametrize("ending", ENDINGS)
def test_files_that_are_not_there(tmp_path, ending):
    with pytest.raises(FileNotFoundError):
        Tally.load(tmp_path / f"t{ending}")


@pytest.mark.parametrize("ending", ENDINGS)
def test_tallies_of_the_other_class(tmp_path, ending):
    scores().save(tmp_path / f"t{ending}")
    with pytest.raises(ValueError, match=r"holds a ScoreTally: use ScoreTally\.load"):
        Tally.load(tmp_path / f"t{ending}")
    TALLIES["text"].save(tmp_path / f"t{ending}")
    with pytest.raises(ValueError, match=r"holds a Tally: use Tally\.load"):
        ScoreTally.load(tmp_path / f"t{ending}")


REFUSED = r"is no file of a (Score)?Tally, or a damaged one"


@pytest.mark.parametrize("text", ["", "[]", "1", "null", "{}", '{"format": "other"}', "\x00\xff"])
def test_foreign_json(tmp_path, text):
    (tmp_path / "t.json").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=REFUSED):
        Tally.load(tmp_path / "t.json")


def test_foreign_parquet(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match=REFUSED):
        Tally.load(tmp_path / "t.parquet")
    pq.write_table(
        pa.table({"weight": [1.0], "weight2": [1.0], "count": [1]}), tmp_path / "t.parquet"
    )
    with pytest.raises(ValueError, match=REFUSED):
        Tally.load(tmp_path / "t.parquet")


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_cut_of_a_file_is_refused(tmp_path, ending):
    path = tmp_path / f"t{ending}"
    scores().save(path)
    whole = path.read_bytes()
    for end in range(0, len(whole) - 1, max(1, len(whole) // 40)):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match=REFUSED):
            ScoreTally.load(path)


DAMAGES = [
    {"version": 3},
    {"version": "1"},
    {"labels": [["a"], ["b"], ["c"]]},
    {"labels": ["a", "a", MISSING]},
    {"labels": ["a", "b"]},
    {"labels": ["a", "b", None]},
    {"labels": ["a", "b", {"eval": "1"}]},
    {"labels": ["a", "b", {"date": "today"}]},
    {"labels": ["a", "b", {"timestamp": "now"}]},
    {"labels": ["a", "b", {}]},
    {"labels": "abc"},
    {"labels": 3},
    {"names": ["g", "h"]},
    {"names": []},
    {"names": "g"},
    {"names": [1]},
    {"classes": [False, False]},
    {"classes": [False]},
    {"classes": {"a": 1}},
    {"edges": [0.5, 0.25, 0.75]},
    {"edges": [0.25]},
    {"edges": [0.1, 0.2, "x"]},
    {"edges": None},
    {"shape": [3, 2]},
    {"shape": [2, 3, 4]},
    {"shape": "324"},
    {"count": [1.5] * 24},
    {"count": ["1"] * 24},
    {"count": [-1] * 24},
    {"count": [1] * 23},
    {"weight": [1e999] * 24},
    {"weight": [None] * 24},
    {"weight": [[1.0]] * 24},
    {"weight": "1" * 24},
    {"weight2": [-1.0] * 24},
    {"weight2": [True] * 24},
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_damaged_json(tmp_path, damage):
    path = tmp_path / "t.json"
    scores().save(path)
    header = json.loads(path.read_text(encoding="utf-8"))
    assert header.keys() >= damage.keys()
    path.write_text(json.dumps(header | damage), encoding="utf-8")
    with pytest.raises(ValueError, match=REFUSED):
        ScoreTally.load(path)


@pytest.mark.parametrize(
    "key", ["version", "class", "names", "labels", "classes", "shape", "count"]
)
def test_json_that_lacks_a_part(tmp_path, key):
    path = tmp_path / "t.json"
    scores().save(path)
    header = json.loads(path.read_text(encoding="utf-8"))
    del header[key]
    path.write_text(json.dumps(header), encoding="utf-8")
    with pytest.raises(ValueError, match=REFUSED):
        ScoreTally.load(path)


def test_files_of_before_labels_were_told_are_labelled(tmp_path):
    TALLIES["text"].save(tmp_path / "t.json")
    header = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert header["version"] == 1
    assert "has_labels" not in header
    assert Tally.load(tmp_path / "t.json").has_labels


@pytest.mark.parametrize("told", [1, "no", None])
def test_whether_there_are_labels_is_a_boolean(tmp_path, told):
    Tally.from_predictions([0, 1], ["f", "m"]).save(tmp_path / "t.json")
    header = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert header["version"] == 2  # which earlier code refuses
    (tmp_path / "t.json").write_text(json.dumps(header | {"has_labels": told}), encoding="utf-8")
    with pytest.raises(ValueError, match="neither true nor false"):
        Tally.load(tmp_path / "t.json")


def test_dates_come_back_as_they_were(tmp_path):
    day = datetime.date(2024, 2, 29)
    tally = Tally.from_arrays([day, day], [day, day], {"day": [day, day]})
    tally.save(tmp_path / "t.json")
    again = Tally.load(tmp_path / "t.json")
    assert (again.labels, again.classes) == ((pd.Timestamp(day),), (day,))
    assert (tally + again).n_samples == 4
