"""Small pictures of images with issues, for reports."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair.similarity import shrink
from skfair.vision._images import Images, UnreadableImageError
from skfair.vision._issues import COPIES

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
    """

    issue: str
    line: int
    row: int
    name: str
    score: float
    picture: NDArray[np.uint8] | None


def pick_examples(check: Any, images: Images, most: int) -> list[Example]:
    """Pick the worst images of each issue, and the first clusters of copies.

    Parameters
    ----------
    check : ImageHealthCheck
        Fitted as far as its issues and clusters.
    images : Images
    most : int
        Most images a line, and most clusters a kind of copies.

    Returns
    -------
    list of Example
    """
    lines: list[tuple[str, NDArray[np.intp]]] = []
    for issue in check.thresholds_.index:
        if issue in COPIES:
            continue
        rows = check.issues_.loc[check.issues_["issue"] == issue, "row"].to_numpy()[:most]
        lines.append((issue, rows))
    for issue, clusters in check.clusters_by_kind().items():
        kept = np.unique(clusters[clusters >= 0])[:most]
        lines += [(issue, np.flatnonzero(clusters == cluster)[:most]) for cluster in kept]
    root = _common_folder(images.items)
    pictures: dict[int, Any] = {}
    found = []
    for line, (issue, rows) in enumerate(lines):
        for row in rows.tolist():
            if row not in pictures:
                pictures[row] = _picture(images, row)
            score = float(check.scores_[issue].iloc[row])
            name = _below(images.name(row), root)
            found.append(Example(issue, line, row, name, score, pictures[row]))
    return found


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
