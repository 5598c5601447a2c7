"""The forms in which a report is written out, all from its plain dict."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, Self

from skfair.reporting._blocks import Block
from skfair.reporting._card import write_card
from skfair.reporting._document import document
from skfair.reporting._markdown import write_markdown
from skfair.reporting._page import write_frame, write_page
from skfair.reporting._plain import Plain

FORMAT = "skfair fairness report"
VERSION = 1


class WrittenReport:
    """A report that is there as a plain dict, and the ways to write it out and to read it."""

    _found: Plain

    @classmethod
    def from_dict(cls, found: Plain) -> Self:
        """Take up a report that :meth:`to_dict` gave, to write it out again.

        Raises
        ------
        ValueError
            If it is no report, one of another version, or damaged.
        """
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ValueError(f"this is no report: its format isn't {FORMAT!r}")
        if found.get("version") != VERSION:
            raise ValueError(
                f"the report's version is {found.get('version')!r}, and {VERSION} can be read here"
            )
        report = cls.__new__(cls)
        report._found = deepcopy(found)
        try:
            report.to_json()  # which holds no NaN
            report._blocks()
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ValueError(f"the report is damaged: {error!r}") from error
        return report

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Take up a report that :meth:`to_json` wrote.

        Raises
        ------
        ValueError
            If it is no report, one of another version, or damaged.
        """
        return cls.from_dict(json.loads(text))

    def to_dict(self) -> Plain:
        """Give the report as plain values; see :func:`skfair.reporting.report_schema`."""
        return deepcopy(self._found)

    def to_json(self, path: str | Path | None = None, *, indent: int | None = None) -> str:
        """Give the report as JSON, and write it to a file if there is a path."""
        text = json.dumps(self._found, allow_nan=False, indent=indent)
        return _written(text, path)

    def to_html(self, path: str | Path | None = None) -> str:
        """Give one page that loads nothing, and write it to a file if there is a path.

        The page has one script, which sorts tables; its policy lets no other one run. All text of
        the data is escaped.
        """
        return _written(write_page(self._found["title"], self._blocks()), path)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """Give the report as Markdown without charts, and write it if there is a path."""
        return _written(write_markdown(self._found["title"], self._blocks()), path)

    def to_model_card(self, model: Any = None) -> Any:
        """Make a model card of skops with the report as its section "Fairness".

        Parameters
        ----------
        model : estimator, default=None
            What the card describes; None: the report's estimator, if it has one.

        Returns
        -------
        skops.card.Card
            Other sections can be added; ``save(path)`` writes it. Names from the data are escaped
            in it; skops' own ``parse_modelcard`` undoes that, so don't show what it wrote again of
            names that you don't trust.

        Raises
        ------
        ImportError
            If skops isn't installed; ``pip install "skfair[report]"``.
        """
        described = self._estimator() if model is None else model
        return write_card(self._found["title"], self._blocks(), described)

    def __repr__(self) -> str:
        about = self._found["about"]
        by = ", ".join(about["sensitive_features"])
        compared = "" if self._found["mitigation"] is None else ", before and after"
        return f"FairnessReport({about['n_rows']} rows by {by}{compared})"

    def _repr_html_(self) -> str:
        return write_frame(self.to_html())

    def _blocks(self) -> list[Block]:
        return document(self._found)

    def _estimator(self) -> Any:
        return None


def _written(text: str, path: str | Path | None) -> str:
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text
