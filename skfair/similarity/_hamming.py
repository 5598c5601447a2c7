"""All pairs of 64-bit hashes that differ in few bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.validation import check_count
from skfair.similarity._neighbours import MAX_PAIRS
from skfair.similarity._pairs import RowPairs

Hashes = NDArray[np.uint64]
Rows = NDArray[np.intp]

_BITS = 64
_BAND = 16
_N_BANDS = _BITS // _BAND
_BLOCK = 1 << 20  # candidates that are held at once
_FEW = 20_000_000  # candidates that are compared faster than they are looked up
_PROBE_COST = 8  # looking up a candidate takes as long as comparing so many in a row
_LARGEST_RADIUS = 4
_BIT_COUNTS = np.array([value.bit_count() for value in range(1 << _BAND)], dtype=np.uint8)


def hamming_distances(first: Hashes, second: Hashes) -> NDArray[np.uint8]:
    """Count the bits in which hashes differ; the arrays are broadcast.

    Examples
    --------
    >>> hamming_distances(np.array([0b1010, 0], dtype=np.uint64), np.uint64(0b0010)).tolist()
    [1, 1]
    """
    return _count_bits(np.bitwise_xor(first, second))


def hamming_pairs(
    hashes: Hashes,
    other: Hashes | None = None,
    *,
    max_distance: int,
    keep: Callable[[Rows, Rows], NDArray[np.bool_]] | None = None,
    max_pairs: int = MAX_PAIRS,
) -> RowPairs:
    """Find all pairs of hashes that differ in at most so many bits.

    The search is exact. Hashes that differ in at most d bits differ in at most d // 4 bits of one
    of their four bands of 16 bits, so each band is looked up with all values that near; where that
    would take longer than comparing every pair, every pair is compared. Candidates are held a
    block at a time.

    Parameters
    ----------
    hashes : ndarray of uint64 of shape (n,)
    other : ndarray of uint64 of shape (m,), default=None
        Hashes to compare them with; None: with each other.
    max_distance : int
        Most bits that differ, 0 to 64.
    keep : callable, default=None
        Gets the positions of the pairs of a block and tells which of them to keep, so that memory
        is taken for these only.
    max_pairs : int, default=10_000_000
        More pairs are refused.

    Returns
    -------
    pairs : RowPairs
        Positions in ``hashes`` and in ``other``, or in ``hashes`` both, and the number of bits;
        sorted by first row, then second.

    Raises
    ------
    ValueError
        If ``max_distance`` is no integer from 0 to 64, hashes aren't of type uint64, or there are
        more than ``max_pairs`` pairs.

    References
    ----------
    Norouzi, M., Punjani, A. and Fleet, D. J. (2014). Fast exact search in Hamming space with
    multi-index hashing. IEEE Transactions on Pattern Analysis and Machine Intelligence 36(6).
    https://doi.org/10.1109/TPAMI.2013.231

    Examples
    --------
    >>> pairs = hamming_pairs(np.array([0b111, 0b000, 0b110], dtype=np.uint64), max_distance=2)
    >>> pairs.first.tolist(), pairs.second.tolist(), pairs.distance.tolist()
    ([0, 1], [2, 2], [1.0, 2.0])
    """
    check_count("max_distance", max_distance, least=0, most=_BITS)
    parts, n_found = [RowPairs.empty()], 0
    for first, second, distance in _near_blocks(hashes, other, max_distance):
        if keep is not None and len(first):
            kept = keep(first, second)
            first, second, distance = first[kept], second[kept], distance[kept]
        n_found += len(first)
        if n_found > max_pairs:
            raise ValueError(
                f"more than {max_pairs} pairs differ in at most {max_distance} bits: choose a "
                "smaller distance"
            )
        if len(first):
            parts.append(RowPairs(first, second, distance.astype(np.float64)))
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    return RowPairs(*columns).sort()


def _near_blocks(
    hashes: Hashes, other: Hashes | None, max_distance: int
) -> Iterator[tuple[Rows, Rows, NDArray[np.uint8]]]:
    """Yield near pairs, each once, a block at a time."""
    partners = hashes if other is None else other
    for array in (hashes, partners):
        if getattr(array, "dtype", None) != np.uint64 or array.ndim != 1:
            raise ValueError("hashes must be a one-dimensional array of type uint64")
    radii = _band_radii(max_distance)
    if _is_faster_in_rows(hashes, partners, radii):
        yield from _compare_all(hashes, partners, other is None, max_distance)
        return
    for band, radius in enumerate(radii):
        for first, second in _candidates(hashes, partners, other is None, band, radius):
            differing = np.bitwise_xor(hashes[first], partners[second])
            distance = _count_bits(differing)
            near = np.flatnonzero(distance <= max_distance)
            near = near[~_is_found_before(differing[near], radii[:band])]
            first, second = first[near], second[near]
            if other is None:
                first, second = np.minimum(first, second), np.maximum(first, second)
            yield first, second, distance[near]


def _band_radii(max_distance: int) -> list[int]:
    """How many bits each band may differ in, so that no near pair differs in more in every band.

    With d = 4 r + a, a pair that exceeds r in the first a + 1 bands and r - 1 in the others
    differs in more than d bits.
    """
    radius, rest = divmod(max_distance, _N_BANDS)
    radii = [radius] * (rest + 1) + [radius - 1] * (_N_BANDS - rest - 1)
    return [r for r in radii if r >= 0]


def _is_faster_in_rows(hashes: Hashes, partners: Hashes, radii: list[int]) -> bool:
    n_pairs = len(hashes) * len(partners)
    if n_pairs <= _FEW or max(radii) > _LARGEST_RADIUS:
        return True
    n_candidates = 0.0
    values = np.arange(1 << _BAND)
    for band, radius in enumerate(radii):
        counts = [
            np.bincount(_band_of(h, band), minlength=1 << _BAND).astype(np.float64)
            for h in (hashes, partners)
        ]
        for mask in _masks(radius):
            n_candidates += counts[0] @ counts[1][values ^ mask]
            if n_candidates * _PROBE_COST > n_pairs:
                return True
    return False


def _compare_all(
    hashes: Hashes, partners: Hashes, is_same: bool, max_distance: int
) -> Iterator[tuple[Rows, Rows, NDArray[np.uint8]]]:
    n_columns = min(len(partners), 1 << 14) or 1
    n_rows = max(_BLOCK // n_columns, 1)
    for top in range(0, len(hashes), n_rows):
        rows = hashes[top : top + n_rows, None]
        start = top + 1 if is_same else 0
        for left in range(start, len(partners), n_columns):
            distance = hamming_distances(rows, partners[left : left + n_columns])
            first, second = np.nonzero(distance <= max_distance)
            found = distance[first, second]
            first, second = first + top, second + left
            if is_same:
                kept = first < second
                first, second, found = first[kept], second[kept], found[kept]
            yield first, second, found


def _candidates(
    hashes: Hashes, partners: Hashes, is_same: bool, band: int, radius: int
) -> Iterator[tuple[Rows, Rows]]:
    """Yield pairs whose band differs in at most ``radius`` bits; of one set, each pair once."""
    keys, others = _band_of(hashes, band), _band_of(partners, band)
    order = np.argsort(others, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(others, minlength=1 << _BAND))])
    if is_same:
        rows, keys = order, keys[order]
    else:
        rows = np.argsort(keys, kind="stable")
        keys = keys[rows]
    for mask in _masks(radius):
        wanted = keys ^ mask
        low, high = starts[wanted], starts[wanted + 1]
        if is_same and mask == 0:
            low = np.arange(1, len(rows) + 1)  # those that follow in the bucket
        elif is_same:
            high = np.where(keys < wanted, high, low)
        for part, place in _expand(low, high - low):
            yield rows[part], order[place]


def _expand(low: Rows, counts: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Yield (position, place) for ``counts`` places from ``low`` on, a block at a time."""
    used = np.flatnonzero(counts > 0)
    low, counts = low[used], counts[used]
    ends = np.cumsum(counts)
    start = 0
    while start < len(used):
        done = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, done + _BLOCK, side="right")), start + 1)
        n = counts[start:stop]
        before = np.repeat(np.cumsum(n) - n, n)
        places = np.arange(n.sum()) - before + np.repeat(low[start:stop], n)
        yield np.repeat(used[start:stop], n), places
        start = stop


def _is_found_before(differing: Hashes, radii: list[int]) -> NDArray[np.bool_]:
    found = np.zeros(len(differing), dtype=bool)
    for band, radius in enumerate(radii):
        found |= _BIT_COUNTS[_band_of(differing, band)] <= radius
    return found


def _band_of(hashes: Hashes, band: int) -> NDArray[np.int64]:
    shifted = hashes >> np.uint64(_BAND * band)
    return (shifted & np.uint64((1 << _BAND) - 1)).astype(np.int64)


def _masks(radius: int) -> list[int]:
    """All differences of a band in at most ``radius`` bits, none first."""
    order = np.argsort(_BIT_COUNTS, kind="stable")
    return order[: np.searchsorted(_BIT_COUNTS[order], radius, side="right")].tolist()


def _count_bits_by_table(values: Hashes) -> NDArray[np.uint8]:
    counts = np.zeros(values.shape, dtype=np.uint8)
    for band in range(_N_BANDS):
        counts += _BIT_COUNTS[_band_of(values, band)]
    return counts


# numpy 1 has no bitwise_count
_count_bits: Callable[[Any], NDArray[np.uint8]] = getattr(np, "bitwise_count", _count_bits_by_table)
