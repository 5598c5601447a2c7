from __future__ import annotations

import numpy as np
import pytest

from skfair.detection import FeatureDistributionDisplay


@pytest.mark.parametrize("values", [[np.nan] * 5, [None] * 5])
def test_a_column_without_a_value_cannot_be_drawn(values):
    with pytest.raises(ValueError, match="'v' can't be drawn: no value is present"):
        FeatureDistributionDisplay.from_values({"v": values})
