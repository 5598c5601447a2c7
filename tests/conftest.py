from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn import config_context
from threadpoolctl import threadpool_limits

# The doubles are imported by name, because worker processes unpickle them by name.
sys.path.append(str(Path(__file__).parent))


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
        sys.modules["torch"].manual_seed(0)


@pytest.fixture
def routing():
    """Switch metadata routing on for one test."""
    with config_context(enable_metadata_routing=True):
        yield
