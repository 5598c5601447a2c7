from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(params=["numpy", "torch"])
def make(request):
    """Make an array of the backend: the one switch for all pure functions."""
    if request.param == "numpy":
        return lambda values: np.asarray(values, dtype=np.float64)
    torch = pytest.importorskip("torch")
    return lambda values: torch.as_tensor(np.asarray(values, dtype=np.float64))
