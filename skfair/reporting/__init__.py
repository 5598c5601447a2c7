"""Tell people what was found: a report as a dict, a page, Markdown or a model card."""

from __future__ import annotations

from skfair.reporting._report import FairnessReport
from skfair.reporting._schema import report_schema

__all__ = ["FairnessReport", "report_schema"]
