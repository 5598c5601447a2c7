from __future__ import annotations

import gc
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from sklearn import config_context
from threadpoolctl import threadpool_limits

# The doubles are imported by name, because worker processes unpickle them by name.
sys.path.append(str(Path(__file__).parent))

settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")  # other settings start from it: the same examples in every run


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for garbage among old objects less often: modules and tests are there to stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.set_threshold(700, 10, 100)  # not frozen: older hypothesis looks for who refers to what


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item, call):
    """Format expected failures as Python does: pytest parses each file on their way."""
    if call.excinfo and item.get_closest_marker("xfail"):
        item.repr_failure = lambda found: str(found.getrepr(style="native"))


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Keep small problems off many threads, which slow each other down."""
    with threadpool_limits(1):
        yield


@pytest.fixture(autouse=True)
def _own_draws():
    """Start every test from the same draws, whichever tests ran before it in its process."""
    np.random.seed(0)  # noqa: NPY002
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        # manual_seed keeps a formatted stack for each kind of device that isn't in use yet
        (torch if torch.cuda.is_initialized() else torch.default_generator).manual_seed(0)


@pytest.fixture
def routing():
    """Switch metadata routing on for one test."""
    with config_context(enable_metadata_routing=True):
        yield
