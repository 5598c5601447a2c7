"""The guides for people who come from a peer name what the peer has, and miss nothing of it."""

from __future__ import annotations

import contextlib
import importlib
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.peers

DOCS = Path(__file__).resolve().parents[2] / "docs"
WORD = re.compile(r"`([A-Za-z_]\w*)[`(]")
FAIRLEARN = ("metrics", "reductions", "postprocessing", "preprocessing", "adversarial", "datasets")
AIF360 = (
    *("metrics", "datasets", "explainers", "detectors"),
    *(f"algorithms.{part}" for part in ("preprocessing", "inprocessing", "postprocessing")),
    *(f"sklearn.{part}" for part in ("metrics", "preprocessing", "inprocessing")),
    *(f"sklearn.{part}" for part in ("postprocessing", "datasets", "detectors")),
)


def theirs(guide):
    """Names in the first column of a guide's tables."""
    rows = re.findall(r"^\| .* \|$", (DOCS / f"{guide}.md").read_text(encoding="utf-8"), re.M)
    return {name for row in rows for name in WORD.findall(row.split("|")[1])}


@pytest.mark.parametrize("part", FAIRLEARN)
def test_every_public_name_of_fairlearn_stands_in_the_guide(part):
    module = importlib.import_module(f"fairlearn.{part}")
    assert set(module.__all__) - theirs("moving-from-fairlearn") == set()


def test_the_guide_names_nothing_that_fairlearn_lacks():
    modules = [importlib.import_module(f"fairlearn.{part}") for part in FAIRLEARN]
    public = {name for module in modules for name in module.__all__}
    assert theirs("moving-from-fairlearn") - public == set()


@pytest.mark.filterwarnings("ignore")
def test_the_guide_names_nothing_that_aif360_lacks():
    known = set()
    for part in AIF360:
        with contextlib.suppress(ImportError):
            module = importlib.import_module(f"aif360.{part}")
            known.update(dir(module))
            for value in vars(module).values():
                known.update(dir(value) if isinstance(value, type) else ())
    named = theirs("moving-from-aif360")
    assert len(named) > 60
    assert named - known == set()
