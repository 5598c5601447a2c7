"""Images that are copies of each other: the same pixels, or nearly the same picture."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from sklearn.utils import gen_batches

from skfair._utils.validation import check_option
from skfair.similarity import RowPairs, cluster_pairs, equal_pairs, hamming_pairs, radius_pairs
from skfair.vision._measures import THUMBNAIL, Measured

MAX_DISTANCE = 12
"""Most bits of 64 in which the hashes of near copies differ."""

MIN_SIMILARITY = 0.97
"""Least correlation of the thumbnails of near copies."""

Rows = NDArray[np.intp]

_CHUNK = 1 << 15
_BATCH = 64  # rows of embeddings that are compared with all others at once
_MOST_PAIRS = 1_000_000  # of a kind; beyond, only those that connect clusters
_KINDS = ("exact", "near", "mirrored", "embedding")  # the first that holds names a pair
_COLUMNS = ("row_a", "row_b", "kind", "distance", "similarity")


class Copies(NamedTuple):
    """Pairs of copies, and the clusters that they connect.

    Parameters
    ----------
    pairs : DataFrame
        ``row_a`` < ``row_b``, ``kind``, ``distance`` and ``similarity``.
    exact, clusters : ndarray of int of shape (n,)
        Cluster of each image among exact copies and among copies of any kind, counted from 0 in
        the order of their first images; -1 for an image without a copy.
    """

    pairs: pd.DataFrame
    exact: NDArray[np.int64]
    clusters: NDArray[np.int64]


def find_copies(
    measured: Measured,
    *,
    near: bool = True,
    max_distance: int = MAX_DISTANCE,
    min_similarity: float = MIN_SIMILARITY,
    mirrored: bool = True,
    max_embedding_distance: float | None = None,
    n_jobs: int | None = None,
) -> Copies:
    """Find pairs of copies among measured images.

    An exact copy is paired with the first of its kind, and only first ones take part in the search
    for near copies. Images without structure have an arbitrary hash and take no part either. Of a
    set with more than a million near pairs, further pairs are kept only where they connect what no
    pair connects yet, so clusters are whole anyway.

    Parameters
    ----------
    measured : Measured
    near : bool, default=True
        Whether near copies are looked for.
    max_distance : int, default=12
        Most bits of 64 in which the hashes of near copies differ.
    min_similarity : float, default=0.97
        Least correlation of their thumbnails of 16 x 16 pixels.
    mirrored : bool, default=True
        Whether an image that resembles another one's mirror image is a near copy.
    max_embedding_distance : float, default=None
        Images whose embeddings have at most this cosine distance are near copies, too; None: the
        embeddings aren't looked at.
    n_jobs : int, default=None
        Threads of the search among embeddings.

    Returns
    -------
    Copies

    Warns
    -----
    UserWarning
        If embeddings of images that can be read are 0 or not finite: they aren't compared.
    """
    codes = measured.content.copy()
    unread = np.flatnonzero(codes < 0)
    codes[unread] = codes.max(initial=-1) + 1 + np.arange(len(unread))
    equal = equal_pairs(codes)
    parts = [_as_frame(equal, "exact", np.ones(len(equal.first)))]
    is_first = np.ones(len(codes), dtype=bool)
    is_first[equal.second] = False
    if near:
        rows = np.flatnonzero(is_first & measured.is_structured)
        kinds = ("near", "mirrored") if mirrored else ("near",)
        parts += [_near_frame(measured, rows, k, max_distance, min_similarity) for k in kinds]
    if max_embedding_distance is not None and measured.embeddings is not None:
        rows = np.flatnonzero(is_first & (measured.content >= 0))
        found = _embedded_pairs(measured.embeddings[rows], max_embedding_distance, n_jobs)
        found = RowPairs(rows[found.first], rows[found.second], found.distance)
        parts.append(_as_frame(found, "embedding", np.full(len(found.first), np.nan)))
    pairs = _join(parts)
    exact = cluster_pairs(len(codes), equal.first, equal.second)
    clusters = cluster_pairs(len(codes), pairs["row_a"].to_numpy(), pairs["row_b"].to_numpy())
    return Copies(pairs, exact, clusters)


def _near_frame(
    measured: Measured, rows: Rows, kind: str, max_distance: int, min_similarity: float
) -> pd.DataFrame:
    hashes = measured.hashes[rows]
    one = other = measured.thumbnails[rows]
    partners = None
    if kind == "mirrored":
        partners = measured.mirrored[rows]
        other = one.reshape(-1, THUMBNAIL, THUMBNAIL)[:, :, ::-1].reshape(one.shape)

    def is_similar(first: Rows, second: Rows) -> NDArray[np.bool_]:
        alike = _correlations(one, other, first, second) >= min_similarity
        return alike & (first != second)

    keep = _Thinned(len(rows), is_similar)
    found = hamming_pairs(hashes, partners, max_distance=max_distance, keep=keep)
    similarity = _correlations(one, other, found.first, found.second)
    return _as_frame(
        RowPairs(rows[found.first], rows[found.second], found.distance), kind, similarity
    )


class _Thinned:
    """Keep similar pairs, block by block; once there are many, only those that connect clusters."""

    def __init__(self, n: int, is_similar: Callable[[Rows, Rows], NDArray[np.bool_]]) -> None:
        self.is_similar = is_similar
        self.labels: Rows = np.arange(n)  # of clusters, as soon as there are many pairs
        self.parts: list[tuple[Rows, Rows]] = []
        self.room = _MOST_PAIRS

    def __call__(self, first: Rows, second: Rows) -> NDArray[np.bool_]:
        kept = np.zeros(len(first), dtype=bool)
        if self.room > 0:
            kept[:] = self.is_similar(first, second)
            self.parts.append((first[kept], second[kept]))
            self.room -= len(self.parts[-1][0])
            if self.room <= 0:
                self._connect(*(np.concatenate(ends) for ends in zip(*self.parts, strict=True)))
                self.parts = []
            return kept
        apart = np.flatnonzero(self.labels[first] != self.labels[second])
        apart = apart[self.is_similar(first[apart], second[apart])]
        if len(apart):
            joining = apart[self._joining(first[apart], second[apart])]
            kept[joining] = True
            self._connect(first[joining], second[joining])
        return kept

    def _joining(self, first: Rows, second: Rows) -> Rows:
        """Positions of as many pairs as it takes to connect the clusters that they connect."""
        one, other, n = self.labels[first], self.labels[second], len(self.labels)
        keys, position = np.unique(
            np.minimum(one, other) * n + np.maximum(one, other), return_index=True
        )
        ends = (end.astype(np.int32) for end in divmod(keys, n))  # older scipy takes no others
        graph = coo_array((position + 1.0, tuple(ends)), shape=(n, n))
        return minimum_spanning_tree(graph.tocsr()).data.astype(np.intp) - 1

    def _connect(self, first: Rows, second: Rows) -> None:
        ends, n = (self.labels[first], self.labels[second]), len(self.labels)
        graph = coo_array((np.ones(len(first), dtype=bool), ends), shape=(n, n))
        numbers = connected_components(graph, directed=False)[1]
        self.labels = numbers.astype(np.intp)[self.labels]  # pairs of int32 would overflow


def _correlations(one: Any, other: Any, first: Rows, second: Rows) -> NDArray[np.float64]:
    found = np.empty(len(first))
    for start in range(0, len(first), _CHUNK):
        part = slice(start, start + _CHUNK)
        products = one[first[part]].astype(np.float32) * other[second[part]].astype(np.float32)
        found[part] = products.sum(axis=1)
    return np.minimum(found, 1.0)


def _embedded_pairs(
    embeddings: NDArray[np.float64], max_distance: float, n_jobs: int | None
) -> RowPairs:
    """Pairs within a cosine distance c: unit vectors that lie within sqrt(2 c)."""
    norms = np.linalg.norm(embeddings, axis=1)
    known = np.flatnonzero(np.isfinite(norms) & (norms > 0))
    if len(known) < len(norms):
        warnings.warn(
            f"embedding gave only zeros, or numbers that aren't finite, for "
            f"{len(norms) - len(known)} of {len(norms)} different images: they aren't compared by "
            "it",
            UserWarning,
            stacklevel=4,
        )
    if not len(known):
        return RowPairs.empty()
    units = embeddings[known] / norms[known, None]
    try:
        found = radius_pairs(units, float(np.sqrt(2 * max_distance)), n_jobs=n_jobs)
        distance = found.distance**2 / 2
    except ValueError:  # more pairs than one wants to hold
        found = _thinned_pairs(units, max_distance)
        distance = found.distance
    return RowPairs(known[found.first], known[found.second], distance)


def _thinned_pairs(units: NDArray[np.float64], max_distance: float) -> RowPairs:
    """Pairs of unit vectors within a cosine distance, compared row by row and thinned."""
    thinned = _Thinned(len(units), lambda first, _: np.ones(len(first), dtype=bool))
    parts = []
    for rows in gen_batches(len(units), _BATCH):
        distance = 1 - units[rows] @ units[rows.start :].T
        first, second = np.nonzero(np.triu(distance <= max_distance, 1))
        kept = thinned(first + rows.start, second + rows.start)
        first, second = first[kept], second[kept]
        parts.append((first + rows.start, second + rows.start, distance[first, second]))
    first, second, found = (np.concatenate(column) for column in zip(*parts, strict=True))
    return RowPairs(first, second, np.maximum(found, 0.0)).sort()


def _as_frame(pairs: RowPairs, kind: str, similarity: NDArray[np.float64]) -> pd.DataFrame:
    first, second = np.minimum(pairs.first, pairs.second), np.maximum(pairs.first, pairs.second)
    columns = (first, second, kind, pairs.distance, similarity)
    return pd.DataFrame(dict(zip(_COLUMNS, columns, strict=True)))


def _join(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Each pair once, under the first kind that it is of, by its least distance."""
    pairs = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    rank = pairs["kind"].map({kind: i for i, kind in enumerate(_KINDS)})
    pairs = pairs.assign(rank=rank).sort_values(["row_a", "row_b", "rank", "distance"])
    once = pairs.drop_duplicates(["row_a", "row_b"]).drop(columns="rank")
    return once.reset_index(drop=True)


def choose_kept(
    clusters: NDArray[np.int64],
    sizes: NDArray[np.float64],
    splits: NDArray[Any] | None = None,
    prefer: Sequence[Any] | None = None,
) -> NDArray[np.intp]:
    """Keep one image of each cluster.

    Parameters
    ----------
    clusters : ndarray of int of shape (n,)
        -1 for images without a copy, which all stay.
    sizes : ndarray of float of shape (n,)
        Number of pixels; NaN counts as none.
    splits : ndarray of shape (n,), default=None
    prefer : sequence, default=None
        Labels of splits, the first of them before the second and all others last.

    Returns
    -------
    rows : ndarray of int
        Sorted. Of each cluster the image that is in the split that comes first in ``prefer``;
        among those the one with most pixels, and among those the first.

    Raises
    ------
    ValueError
        If ``prefer`` is given without splits, or names one that isn't there.

    Examples
    --------
    >>> clusters, sizes = np.array([0, -1, 0, 0]), np.array([4.0, 4.0, 9.0, 4.0])
    >>> choose_kept(clusters, sizes).tolist()
    [1, 2]
    >>> choose_kept(clusters, sizes, np.array(["a", "a", "a", "b"]), ["b"]).tolist()
    [1, 3]
    """
    rank = np.zeros(len(clusters), dtype=np.intp)
    if prefer is not None:
        if splits is None:
            raise ValueError("prefer names splits, but fit got none: fit(X, splits=...)")
        known = set(splits.tolist())
        for label in prefer:
            check_option("each of prefer", label, sorted(known, key=str))
        place = {label: i for i, label in enumerate(prefer)}
        rank = np.array([place.get(label, len(place)) for label in splits.tolist()])
    order = np.lexsort((np.arange(len(clusters)), -np.nan_to_num(sizes), rank))
    ordered = clusters[order]
    _, first = np.unique(ordered, return_index=True)
    first = first[ordered[first] >= 0]
    return np.sort(np.r_[np.flatnonzero(clusters < 0), order[first]])
