"""Small pictures of images with issues, for reports."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skfair.groups import Groups
from skfair.similarity import shrink
from skfair.vision._images import Images, UnreadableImageError
from skfair.vision._issues import CONFLICT, COPIES

Rows = NDArray[np.intp]

_SIDE = 96


class Example(NamedTuple):
    """An image that shows an issue.

    Parameters
    ----------
    issue : str
    line : int
        Lines of a grid: one for each issue, of copies one for each cluster.
    row : int
    name : str
        Path of the file below the folder that all files are in.
    score : float
    picture : ndarray of uint8 of shape (h, w, 3) or None
        None where the image can't be read.
    note : str
        Its split and its label, as far as they are known.
    cluster : int or None
        Of copies.
    total : int
        How many images have the issue, or of copies how many clusters there are.
    hidden : int
        Of copies, how many images of the cluster aren't shown.
    """

    issue: str
    line: int
    row: int
    name: str
    score: float
    picture: NDArray[np.uint8] | None
    note: str = ""
    cluster: int | None = None
    total: int = 0
    hidden: int = 0


class _Line(NamedTuple):
    """Rows of images that stand side by side."""

    issue: str
    rows: Rows
    cluster: int | None
    total: int
    hidden: int


def pick_examples(
    check: Any, images: Images, most: int, splits: Groups | None, labels: Groups | None
) -> list[Example]:
    """Pick the worst images of each issue, and the first clusters of copies.

    Parameters
    ----------
    check : ImageHealthCheck
        Fitted as far as its issues and clusters.
    images : Images
    most : int
        Most images a line, and most clusters a kind of copies.
    splits, labels : Groups or None
        Of the images.

    Returns
    -------
    list of Example
    """
    root = _common_folder(images.items)
    both = [part for part in (splits, labels) if part is not None]
    of_copies = check.scores_[list(COPIES)].max(axis=1)
    pictures: dict[int, Any] = {}
    found = []
    for number, line in enumerate(_lines(check, most, labels)):
        scores = of_copies if line.issue == CONFLICT else check.scores_[line.issue]
        for row in line.rows.tolist():
            if row not in pictures:
                pictures[row] = _picture(images, row)
            found.append(
                Example(
                    *(line.issue, number, row, _below(images.name(row), root)),
                    *(float(scores.iloc[row]), pictures[row]),
                    note=", ".join(str(part.labels[part.codes[row]]) for part in both),
                    cluster=line.cluster,
                    total=line.total,
                    hidden=line.hidden,
                )
            )
    return found


def _lines(check: Any, most: int, labels: Groups | None) -> list[_Line]:
    lines = []
    for issue in check.thresholds_.index:
        if issue not in COPIES:
            rows = check.issues_.loc[check.issues_["issue"] == issue, "row"].to_numpy()
            lines.append(_Line(issue, rows[:most], None, len(rows), 0))
    kinds = dict(check.clusters_by_kind())
    differ = np.isin(check.clusters_, check.label_conflicts_)
    kinds[CONFLICT] = np.where(differ, check.clusters_, -1)
    for issue, clusters in kinds.items():
        known = np.unique(clusters[clusters >= 0])
        for cluster in known[:most].tolist():
            rows = np.flatnonzero(clusters == cluster)
            if issue == CONFLICT and labels is not None:
                rows = _each_first(rows, labels.codes[rows])
            hidden = max(len(rows) - most, 0)
            lines.append(_Line(issue, rows[:most], cluster, len(known), hidden))
    return lines


def _each_first(rows: Rows, codes: NDArray[np.integer]) -> Rows:
    """Put one row of each code in front, then a second one of each, and so on."""
    rank = pd.Series(codes).groupby(codes).cumcount().to_numpy()
    return rows[np.argsort(rank, kind="stable")]


def shown_of(examples: Sequence[Example]) -> str:
    """Say how many of the images or clusters of one issue are shown, if not all are.

    Examples
    --------
    >>> shown_of([Example("near_duplicate", n, n, "a", 1.0, None, "", n, 19) for n in range(8)])
    '8 of 19 clusters'
    >>> shown_of([Example("dark", 0, 5, "a", 1.0, None, total=1)])
    ''
    """
    first = examples[0]
    places = {example.row if first.cluster is None else example.line for example in examples}
    if len(places) == first.total:
        return ""
    what = "images" if first.cluster is None else "clusters"
    return f"{len(places)} of {first.total} {what}"


def name_reasons(reasons: Sequence[str | None], images: Images) -> pd.Series:
    """Why images can't be read, by row; of files with their path below the common folder."""
    root = _common_folder(images.items)
    found = {
        row: f"{_below(images.name(row), root)}: {why}" if images.is_file(row) else why
        for row, why in enumerate(reasons)
        if why is not None
    }
    return pd.Series(found, dtype=object)


def _common_folder(items: Iterable[Any]) -> str | None:
    """Folder that all files are in; None where there is none, or no file."""
    paths = (item for item in items if isinstance(item, str | os.PathLike))
    folders = {os.path.dirname(os.fspath(path)) for path in paths}
    try:
        return os.path.commonpath(folders)
    except ValueError:  # no file, relative paths beside absolute ones, or several drives
        return None


def _below(name: str, root: str | None) -> str:
    path = PurePath(name)
    if root and path.is_relative_to(root):
        return str(path.relative_to(root))
    return path.name if path.is_absolute() else name


def _picture(images: Images, row: int) -> NDArray[np.uint8] | None:
    try:
        pixels = np.clip(np.nan_to_num(images.read(row).pixels), 0, 1)
    except UnreadableImageError:
        return None
    height, width = pixels.shape[:2]
    scale = min(_SIDE / max(height, width), 1)
    if scale < 1:
        pixels = shrink(pixels, max(round(height * scale), 1), max(round(width * scale), 1))
    colour = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    return np.rint(np.clip(colour, 0, 1) * 255).astype(np.uint8)
