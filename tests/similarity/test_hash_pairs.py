from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skfair.similarity import _hamming, hamming_distances, hamming_pairs


@pytest.fixture
def hashes():
    """Hashes of which many are near others, at all distances up to 20 and in all bands."""
    rng = np.random.default_rng(0)
    base = rng.integers(0, 1 << 64, 400, dtype=np.uint64)
    near = []
    for i in range(400):
        bits = rng.choice(64, size=i % 21, replace=False).astype(np.uint64)
        near.append(base[i] ^ np.bitwise_or.reduce(np.uint64(1) << bits, initial=np.uint64(0)))
    same = base[:3].repeat(2)
    return rng.permutation(np.r_[base, np.array(near, dtype=np.uint64), same])


@pytest.fixture(params=["by bands", "by rows"])
def way(request, monkeypatch):
    """Both ways to search."""
    if request.param == "by bands":
        monkeypatch.setattr(_hamming, "_is_faster_in_rows", lambda *_: False)
        monkeypatch.setattr(_hamming, "_BLOCK", 50)  # many small blocks
    else:
        monkeypatch.setattr(_hamming, "_is_faster_in_rows", lambda *_: True)
        monkeypatch.setattr(_hamming, "_BLOCK", 1 << 10)
    return request.param


def every_pair(hashes, other, max_distance):
    distance = hamming_distances(hashes[:, None], hashes if other is None else other)
    near = distance <= max_distance
    first, second = np.nonzero(np.triu(near, 1) if other is None else near)
    return first, second, distance[first, second]


@pytest.mark.parametrize("max_distance", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11])
def test_all_pairs_are_found_once(hashes, way, max_distance):
    found = hamming_pairs(hashes, max_distance=max_distance)
    expected = every_pair(hashes, None, max_distance)
    assert len(expected[0]) > 0
    for column, values in zip(found, expected, strict=True):
        assert_array_equal(column, values)


@pytest.mark.parametrize("max_distance", [0, 3, 4, 7, 10])
def test_all_pairs_of_two_sets_are_found_once(hashes, way, max_distance):
    found = hamming_pairs(hashes[:300], hashes[250:], max_distance=max_distance)
    expected = every_pair(hashes[:300], hashes[250:], max_distance)
    for column, values in zip(found, expected, strict=True):
        assert_array_equal(column, values)


def test_equal_bands_give_no_pair_twice(way):
    # equal in three bands, so that each of these finds the pair
    hashes = np.array([0xABCD, 0xABCE, 0xABCD | 7 << 48], dtype=np.uint64)
    found = hamming_pairs(hashes, max_distance=3)
    assert found.first.tolist() == [0, 0]
    assert found.second.tolist() == [1, 2]
    assert found.distance.tolist() == [2.0, 3.0]


def test_keep_filters_pairs(hashes, way):
    odd = hamming_pairs(hashes, max_distance=6, keep=lambda i, j: (i + j) % 2 == 1)
    whole = hamming_pairs(hashes, max_distance=6)
    chosen = (whole.first + whole.second) % 2 == 1
    assert 0 < chosen.sum() < len(chosen)
    assert_array_equal(odd.first, whole.first[chosen])
    assert_array_equal(odd.distance, whole.distance[chosen])


def test_too_many_pairs_are_refused_unless_they_are_filtered(way):
    hashes = np.zeros(50, dtype=np.uint64)
    with pytest.raises(ValueError, match="more than 100 pairs differ in at most 2 bits"):
        hamming_pairs(hashes, max_distance=2, max_pairs=100)
    found = hamming_pairs(hashes, max_distance=2, max_pairs=100, keep=lambda i, j: j == i + 1)
    assert len(found.first) == 49


def test_the_way_depends_on_how_many_candidates_there_are(monkeypatch):
    monkeypatch.setattr(_hamming, "_FEW", 0)
    rng = np.random.default_rng(0)
    spread = rng.integers(0, 1 << 64, 3000, dtype=np.uint64)
    crowded = spread & np.uint64(0x0001_0001_0001_0001)
    radii = _hamming._band_radii(3)
    assert not _hamming._is_faster_in_rows(spread, spread, radii)
    assert _hamming._is_faster_in_rows(crowded, crowded, radii)
    assert _hamming._is_faster_in_rows(spread, spread, _hamming._band_radii(40))


@pytest.mark.parametrize(
    ("max_distance", "radii"), [(0, [0]), (2, [0, 0, 0]), (3, [0] * 4), (6, [1, 1, 1, 0])]
)
def test_bands_are_searched_as_far_as_they_must(max_distance, radii):
    assert _hamming._band_radii(max_distance) == radii


def test_bits_are_counted_alike_without_numpy_2(hashes):
    assert_array_equal(_hamming._count_bits_by_table(hashes), _hamming._count_bits(hashes))


def test_few_or_no_hashes_have_no_pairs():
    for n in (0, 1):
        assert len(hamming_pairs(np.zeros(n, dtype=np.uint64), max_distance=5).first) == 0


def test_what_is_no_hash_is_refused():
    with pytest.raises(ValueError, match="type uint64"):
        hamming_pairs(np.zeros(3, dtype=np.int64), max_distance=1)
    with pytest.raises(ValueError, match="type uint64"):
        hamming_pairs(np.zeros((3, 1), dtype=np.uint64), max_distance=1)
    for distance in (-1, 65, 1.5, True):
        with pytest.raises(ValueError, match="max_distance must be an integer from 0 to 64"):
            hamming_pairs(np.zeros(3, dtype=np.uint64), max_distance=distance)
