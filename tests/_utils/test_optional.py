from __future__ import annotations

import math
import re

import pytest

from skfair._utils.optional import import_optional


def test_a_module_that_is_there_is_returned():
    assert import_optional("math", extra="nn", purpose="this") is math


@pytest.mark.parametrize("module", ["skfair_lacks_this", "skfair_lacks_this.part"])
def test_a_missing_module_names_purpose_library_and_extra(module):
    line = 'drawing needs skfair_lacks_this: pip install "skfair[plot]"'
    with pytest.raises(ImportError, match=f"^{re.escape(line)}$") as caught:
        import_optional(module, extra="plot", purpose="drawing")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
