from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import skfair

OPTIONAL = (
    "torch",
    "skorch",
    "matplotlib",
    "polars",
    "pyarrow",
    "imblearn",
    "cleanlab",
    "PIL",
    "captum",
)
PACKAGES = (
    "criteria",
    "datasets",
    "detection",
    "finetuning",
    "groups",
    "metrics",
    "model_selection",
    "postprocessing",
    "preprocessing",
    "similarity",
    "tally",
    "vision",
)
MODULES = [
    module.name
    for module in pkgutil.walk_packages(skfair.__path__, "skfair.")
    if not module.name.startswith("skfair.nn") and not module.name.endswith("__main__")
]
BLOCK = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL!r}:
            raise ImportError(f"{{name}} is blocked")
sys.meta_path.insert(0, Blocker())
"""


def run(code):
    """Last line that the code prints in a fresh interpreter."""
    root = str(Path(skfair.__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


@pytest.fixture(scope="module")
def loaded():
    """Optional libraries that are loaded after each of these steps of one interpreter."""
    steps = {
        "dependencies": "import numpy, scipy, pandas, sklearn, narwhals",
        "tally": """
from skfair.criteria import CRITERIA
from skfair.tally import ScoreTally, Tally, soft_cells
CRITERIA["equalized_odds"](Tally.from_arrays([0, 1, 0, 1], [0, 1, 1, 1], list("aabb")).cells())
ScoreTally.from_arrays([0, 1], [0.1, 0.9], ["a", "b"]).cells()
soft_cells([0, 1], [0.1, 0.9], [0, 1], 2)
""",
        "core": "import " + ", ".join(f"skfair.{package}" for package in PACKAGES),
    }
    found = run(f"""
import json, sys
found = {{}}
for name, step in {steps!r}.items():
    exec(step, {{}})
    found[name] = sorted({{name.split(".")[0] for name in sys.modules}} & set({OPTIONAL}))
print(json.dumps(found))
""")
    return {name: set(libraries) for name, libraries in json.loads(found).items()}


def test_the_core_loads_no_optional_library(loaded):
    assert loaded["core"] <= loaded["dependencies"]


def test_a_tally_and_its_criteria_need_no_optional_library(loaded):
    assert loaded["tally"] <= loaded["dependencies"]


def test_every_module_imports_without_the_optional_libraries():
    assert len(MODULES) > 20
    failures = run(f"""
{BLOCK}
import importlib
failures = {{}}
for name in {MODULES}:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failures[name] = str(error)
print(failures)
""")
    assert failures == "{}"


def test_the_blocker_of_these_tests_blocks():
    code = (
        BLOCK
        + "\ntry:\n    import matplotlib.pyplot\nexcept ImportError as error:\n    print(error)"
    )
    assert run(code) == "matplotlib is blocked"


def test_a_blocked_library_is_asked_for_in_one_line():
    line = run(f"""
{BLOCK}
from skfair._utils.optional import import_optional
try:
    import_optional("torch.nn", extra="nn", purpose="a network")
except ImportError as error:
    print(error)
""")
    assert line == 'a network needs torch: pip install "skfair[nn]"'


def test_importing_skfair_leaves_the_heavy_libraries_unloaded():
    heavy = ("sklearn", "pandas", "numpy", "scipy", "narwhals")
    assert run(f"import sys, skfair\nprint([n for n in {heavy} if n in sys.modules])") == "[]"


def test_subpackages_and_exports_load_when_first_used():
    line = run("""
import sys, skfair
assert "skfair.tally" not in sys.modules
skfair.tally.Tally
assert "skfair.tally" in sys.modules
from skfair import Reweighter
import skfair.preprocessing
print(skfair.Reweighter is skfair.preprocessing.Reweighter)
""")
    assert line == "True"


@pytest.mark.parametrize("name", [*PACKAGES, "base", *skfair.__all__])
def test_dir_lists_what_can_be_had(name):
    assert name in dir(skfair)
    assert getattr(skfair, name) is not None


def test_dir_is_sorted_and_what_it_lists_exists():
    listed = dir(skfair)
    assert listed == sorted(set(listed))
    assert [name for name in listed if not hasattr(skfair, name)] == []


def test_an_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'skfair' has no attribute 'fairness'"):
        _ = skfair.fairness
    assert not hasattr(skfair, "fairness")
    with pytest.raises(ImportError, match="fairness"):
        from skfair import fairness  # noqa: F401


def test_the_version_is_a_plain_string():
    assert skfair.__version__.count(".") == 2
    assert skfair.__version__.split(".")[0].isdigit()
