from __future__ import annotations

from pathlib import Path

import pytest

import skfair
from skfair._utils.warning import warn_undefined_metric, warn_user


def test_warnings_point_at_the_callers_line():
    with pytest.warns(UserWarning, match="note") as found:
        warn_user("note")
    assert found[0].filename == __file__


def test_files_beside_the_package_are_the_users():
    beside = f"{Path(skfair.__file__).parent}_probe.py"
    code = compile("def probe(warn): warn('note')", beside, "exec")
    scope = {}
    exec(code, scope)
    with pytest.warns(UserWarning, match="note") as found:
        scope["probe"](warn_undefined_metric)
    assert found[0].filename == beside
