"""Files of models: round trips, other versions, damage, strange types."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from hiring import people
from sklearn.linear_model import LogisticRegression

from skfair.cli import ModelCard, load_model, save_model
from skfair.cli._candidates import Wanted, make_candidates, plain_model
from skfair.cli._names import METHODS
from skfair.cli._packing import pack, unpack
from skfair.cli._problems import CommandError
from skfair.cli._trust import is_trusted
from skfair.criteria import CRITERIA

io = pytest.importorskip("skops.io")

CARD = ModelCard("hired", "yes", ["sex"], {"skill": "number"}, "plain", False)
FRAME = people(150)
X, Y = FRAME.drop(columns=["hired", "decision"]), FRAME["hired"]


def rewrite(path, change):
    """Write an archive again with its parts changed, and sound checksums."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def change_json(part, **new):
    def change(parts):
        parts[part] = json.dumps({**json.loads(parts[part]), **new}).encode()

    return change


@pytest.fixture
def path(tmp_path):
    save_model(LogisticRegression().fit(X[["skill"]], Y), CARD, tmp_path / "m.skops")
    return tmp_path / "m.skops"


def refusal(path):
    with pytest.raises(CommandError) as error:
        load_model(path)
    assert "\n" not in str(error.value)
    assert error.value.code == 2
    return str(error.value)


def assert_same_tables(one, other):
    for name, value in vars(one).items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, getattr(other, name), check_dtype=False)
        elif isinstance(value, pd.Series):
            pd.testing.assert_series_equal(value, getattr(other, name), check_dtype=False)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "kind", ["logistic", pytest.param("hist_gradient_boosting", marks=pytest.mark.slow)]
)
def test_every_candidate_is_the_same_when_read_again(tmp_path, kind):
    aim = Wanted(CRITERIA["equalized_odds"], 0.1, "accuracy", ["sex"], "yes", 0)
    model = plain_model(X, ["region", "skill", "age"], kind, 0)
    if kind != "logistic":
        model.set_params(model__max_iter=5)
    methods = [m for m in METHODS if kind == "logistic" or m in ("reductions", "thresholds")]
    for candidate in make_candidates(model, aim, methods)[0]:
        fitted = candidate.model.fit(X, Y)
        save_model(fitted, CARD, tmp_path / "m.skops")
        again, card = load_model(tmp_path / "m.skops")
        assert card == CARD
        np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
        assert type(again) is type(fitted)
        assert_same_tables(fitted, again)


TABLES = [
    pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=["r", "s"]),
    pd.DataFrame({("a", 1): [0.5, np.nan], ("b", 2): [True, False]}),
    pd.DataFrame(
        {"n": [1.0, 2.0]}, index=pd.MultiIndex.from_tuples([("f", 1), ("m", 2)], names=["s", "k"])
    ),
    pd.Series([1.5, 2.5], index=pd.Index([1, 2], name="i"), name="v"),
    pd.Series(pd.Categorical(["a", "b", None])),
    pd.DataFrame({"a": pd.Series([], dtype=float)}),
]


@pytest.mark.parametrize("table", TABLES)
def test_tables_are_the_same_when_unpacked(table):
    packed = io.loads(io.dumps(pack({"x": [table, (1, table)]})))
    again = unpack(packed)["x"]
    for found in (again[0], again[1][1]):
        if isinstance(table, pd.Series):
            assert found.name == table.name
            pd.testing.assert_index_equal(found.index, table.index, exact=False)
            values, given = (["-" if pd.isna(v) else v for v in s] for s in (found, table))
            assert values == given
        else:
            pd.testing.assert_frame_equal(
                found, table, check_dtype=False, check_index_type=False, check_column_type=False
            )


def test_packing_leaves_the_model_as_it_was():
    aim = Wanted(CRITERIA["demographic_parity"], 0.1, "accuracy", ["sex"], "yes", 0)
    model = make_candidates(LogisticRegression(), aim, ["reweighter"])[0][1].model
    model.estimator = plain_model(X, ["skill"], "logistic", 0)
    model.fit(X, Y)
    pack(model)
    assert isinstance(model.cell_weights_, pd.DataFrame)


def test_a_bare_file_of_skops_is_read(tmp_path):
    io.dump(LogisticRegression().fit(X[["skill"]], Y), tmp_path / "bare.skops")
    model, card = load_model(tmp_path / "bare.skops")
    assert card is None
    assert model.predict(X[["skill"]]).shape == (150,)


def test_another_version_of_scikit_learn_says_which_to_install(path):
    versions = {**CARD.versions, "scikit-learn": "0.24.1"}
    rewrite(path, change_json("skfair.json", versions=versions))
    assert "install scikit-learn==0.24.1" in refusal(path)


def test_another_version_in_a_bare_file_says_which_to_install(tmp_path, monkeypatch):
    model = LogisticRegression().fit(X[["skill"]], Y)
    monkeypatch.setattr("sklearn.base.__version__", "0.24.1")
    io.dump(model, tmp_path / "bare.skops")
    monkeypatch.undo()
    assert "install scikit-learn==0.24.1" in refusal(tmp_path / "bare.skops")


def test_another_format_of_the_file(path):
    rewrite(path, change_json("skfair.json", version=2))
    assert "another version of skfair" in refusal(path)


@pytest.mark.parametrize("size", [0, 1, 100, 0.5, 0.99])
def test_a_truncated_file(path, size):
    data = path.read_bytes()
    path.write_bytes(data[: int(size * len(data)) if 0 < size < 1 else size])
    assert "damaged" in refusal(path)


def test_a_file_that_is_no_archive(path):
    path.write_bytes(b"\x80\x04pickle")
    assert "is no file of skops" in refusal(path)


def test_changed_bytes(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(bytes(data))
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("part", ["skfair.json", "schema.json"])
@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b"null", b"[" * 100_000])
def test_parts_that_are_none(path, part, text):
    rewrite(path, lambda parts: parts.update({part: text}))
    assert "damaged or was changed" in refusal(path)


@pytest.mark.parametrize("new", [{"columns": [1]}, {"versions": {}}, {"versions": 3}, {"more": 1}])
def test_a_card_that_is_none(path, new):
    rewrite(path, change_json("skfair.json", **new))
    assert "damaged or was changed" in refusal(path)


@pytest.mark.parametrize(
    ("module", "cls"), [("os", "system"), ("subprocess", "Popen"), ("skfair.cli", "main")]
)
def test_types_that_were_changed_are_named(path, module, cls):
    rewrite(path, change_json("schema.json", __module__=module, __class__=cls))
    assert f"aren't trusted: {module}.{cls}" in refusal(path)


def node(value):
    """What skops writes of a value."""
    with zipfile.ZipFile(BytesIO(io.dumps(value))) as archive:
        return json.loads(archive.read("schema.json"))


OWN_CLASS = {"content": node(("X",))}
SYSTEM = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}
PARTIAL = {"func": SYSTEM, "args": node(("ls",)), "kwds": node({}), "namespace": node({})}


@pytest.mark.parametrize(
    ("name", "loader", "new", "refused"),
    [
        ("builtins.type", "ConstructorFromReduceNode", OWN_CLASS, "builtins.type"),
        ("functools.partial", "PartialNode", {"content": PARTIAL}, "os.system"),
        ("operator.call", "OperatorFuncNode", {"attrs": node(("ls",))}, "operator.call"),
    ],
)
def test_a_file_makes_no_class_and_calls_no_function(path, name, loader, new, refused):
    module, _, cls = name.rpartition(".")
    own = {"__class__": cls, "__module__": module, "__loader__": loader}
    rewrite(path, change_json("schema.json", **own, **new))
    assert f"aren't trusted: {refused}. " in refusal(path)


def test_a_small_file_that_swells_is_refused(path, monkeypatch):
    monkeypatch.setattr("skfair.cli._model_files._PLENTY", 2**20)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.npy", bytes(20 * 2**20))
    assert path.stat().st_size < 2**17
    assert "would unpack to 20 MiB" in refusal(path)


def test_a_damaged_packed_part(path):
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    data = bytearray(path.read_bytes())
    start = data.index(b"skfair.json") + len("skfair.json")
    data[start : start + 2] = bytes(b ^ 0xFF for b in data[start : start + 2])
    path.write_bytes(data)
    assert "damaged" in refusal(path)


def test_a_model_that_can_t_be_written_leaves_the_old_one(path, monkeypatch):
    before = path.read_bytes()

    def half(self, data):
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.write_bytes", half)
    with pytest.raises(OSError, match="disk full"):
        save_model(LogisticRegression().fit(X[["skill"]], Y), CARD, path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["m.skops"]


def test_what_cannot_predict(tmp_path):
    io.dump({"a": 1}, tmp_path / "bare.skops")
    assert "can't predict" in refusal(tmp_path / "bare.skops")


def test_a_class_of_somebody_s_own_is_refused(tmp_path):
    class Own(LogisticRegression):
        pass

    Own.__qualname__ = "Own"
    Own.__module__ = "conftest"
    io.dump(Own().fit(X[["skill"]], Y), tmp_path / "bare.skops")
    assert "aren't trusted: conftest.Own" in refusal(tmp_path / "bare.skops")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("skfair.preprocessing.reweighter.Reweighter", True),
        ("skfair.inprocessing._mixture.PredictorMixture", True),
        ("skfair.inprocessing._cuts.CutClassifier", True),
        ("sklearn.linear_model._logistic.LogisticRegression", True),
        ("skfair.preprocessing.reweighter.no_such", False),
        ("skfair.preprocessing.reweighter.Any", False),
        ("skfair.no_such.Reweighter", False),
        ("skfair.cli._main.main", False),
        ("sklearn.datasets.fetch_openml", False),
        ("sklearn.utils._testing.TempMemmap", False),
        ("skfair.reporting.FairnessReport", False),
        ("skfair.cli._options.Parser", False),
        ("builtins.type", False),
        ("sklearnx.Evil", False),
        ("numpy.memmap", False),
        ("builtins.eval", False),
        ("Reweighter", False),
        ("", False),
    ],
)
def test_which_types_are_trusted(name, known):
    assert is_trusted(name) is known
