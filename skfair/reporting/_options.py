"""What a report is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skfair._utils.text import did_you_mean
from skfair._utils.validation import check_count, check_share

DATA_PARTS = ("representation", "pretraining", "proxies", "duplicates", "label_noise")
MODEL_PARTS = (
    *("performance", "rates", "criteria", "roc", "calibration"),
    *("weak_slices", "attribution"),
)
PARTS = (*DATA_PARTS, *MODEL_PARTS)
_ON_REQUEST = ("label_noise",)


@dataclass(frozen=True)
class Options:
    """What a report is asked for."""

    sections: Sequence[str] | None = None
    confidence_level: float = 0.95
    min_group_size: int = 30
    title: str = "Fairness report"
    n_resamples: int = 9999
    random_state: Any = 0

    def check(self) -> Options:
        """Return self, or raise ValueError."""
        check_share("confidence_level", self.confidence_level, ends=False)
        check_count("min_group_size", self.min_group_size)
        check_count("n_resamples", self.n_resamples)
        if isinstance(self.sections, str):
            raise ValueError("sections is a list of names, not a str")
        known = ["data", "model", *PARTS]
        for name in self.sections or ():
            if name not in known:
                raise ValueError(
                    f"no section is named {name!r}; there are {known}{did_you_mean(name, known)}"
                )
        return self

    @property
    def parts(self) -> list[str]:
        """The parts that are wanted, in order."""
        if self.sections is None:
            return [part for part in PARTS if part not in _ON_REQUEST]
        whole = {"data": DATA_PARTS, "model": MODEL_PARTS}
        wanted = {
            part
            for name in self.sections
            for part in whole.get(name, (name,))
            if part == name or part not in _ON_REQUEST
        }
        return [part for part in PARTS if part in wanted]
