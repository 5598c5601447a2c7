from __future__ import annotations

import io
import os
import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter
from sklearn.base import clone
from sklearn.datasets import load_digits, load_sample_images
from sklearn.metrics import roc_auc_score

from skfair.criteria import critical_value, wilson_interval
from skfair.similarity import _hamming
from skfair.vision import ImageHealthCheck, Images, _copies

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def tiles():
    """Tiles of 105 x 105 pixels of two photographs, 48 of them."""
    found = []
    for photo in load_sample_images().images:
        found += [
            photo[r : r + 105, c : c + 105] for r in (0, 105, 210, 315) for c in range(0, 630, 105)
        ]
    return found


@pytest.fixture(scope="module")
def crops():
    """40 overlapping crops of 150 to 220 pixels a side of two photographs."""
    rng, photos, found = np.random.default_rng(0), load_sample_images().images, []
    for i in range(40):
        height, width = rng.integers(150, 220, 2)
        top, left = rng.integers(0, 427 - height), rng.integers(0, 640 - width)
        found.append(photos[i % 2][top : top + height, left : left + width])
    return found


def damaged(tile, issue, rng):
    if issue == "dark":
        return (tile * 0.15).astype(np.uint8)
    if issue == "bright":
        return (255 - (255 - tile.astype(float)) * 0.15).astype(np.uint8)
    if issue == "blurry":
        return gaussian_filter(tile, (2.5, 2.5, 0))
    return np.clip(rng.normal(rng.integers(0, 256), 1, tile.shape), 0, 255).astype(np.uint8)


def as_jpeg(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def pairs_of(check):
    return set(zip(check.pairs_["row_a"], check.pairs_["row_b"], strict=True))


def rows_with(check, issue):
    return check.issues_.loc[check.issues_["issue"] == issue, "row"].tolist()


# single images


@pytest.mark.parametrize("issue", ["dark", "bright", "blurry", "blank"])
def test_planted_defects_of_photographs_score_highest(crops, issue):
    rng = np.random.default_rng(0)
    check = ImageHealthCheck(near=False, n_examples=0)
    check.fit([*crops, *(damaged(crop, issue, rng) for crop in crops)])
    truth = np.repeat([0, 1], len(crops))
    assert roc_auc_score(truth, check.scores_[issue].fillna(0)) >= 0.98
    flagged = np.isin(np.arange(len(truth)), rows_with(check, issue))
    assert flagged[truth == 1].mean() >= 0.9
    assert flagged[truth == 0].mean() <= 0.1


@pytest.mark.parametrize("issue", ["dark", "bright", "blurry", "blank"])
def test_planted_defects_of_digits_score_highest(issue):
    clean = np.rint(load_digits().images[:100] * (255 / 16)).astype(np.uint8)
    rng = np.random.default_rng(0)
    if issue == "blurry":
        bad = gaussian_filter(clean, (0, 1, 1))
    else:
        bad = np.stack([damaged(image, issue, rng) for image in clean])
    check = ImageHealthCheck(near=False, n_examples=0).fit(np.concatenate([clean, bad]))
    truth = np.repeat([0, 1], len(clean))
    assert roc_auc_score(truth, check.scores_[issue].fillna(0)) >= 0.98


def test_scores_by_hand():
    image = np.zeros((10, 10), dtype=np.uint8)
    image[:2] = 51  # 20 of 100 pixels
    white = np.full((10, 10), 255, dtype=np.uint8)
    scores = ImageHealthCheck(near=False).fit([image, white]).scores_
    assert_allclose(scores["blank"], [1 - 0.2, 1])
    assert_allclose(scores["dark"], [1 - 0.2, 0])
    assert_allclose(scores["bright"], [0, 1])
    entropy = -(0.2 * np.log(0.2) + 0.8 * np.log(0.8)) / np.log(100)
    assert_allclose(scores["low_information"], [1 - entropy, 1])
    assert np.isnan(scores["blurry"][1])  # nothing is there to be sharp


def test_smoothness_doesnt_hang_on_contrast_or_brightness(tiles):
    grey = [tile.mean(axis=2) / 255 for tile in tiles[20:29]]
    faint = [0.4 + 0.3 * image for image in grey]
    measures = [
        ImageHealthCheck(near=False).fit(images).scores_["blurry"] for images in (grey, faint)
    ]
    assert_allclose(*measures, atol=1e-3)
    assert measures[0].notna().all()


def test_odd_sizes_and_shapes_stand_out():
    images = [np.eye(20 + i % 3) for i in range(20)]
    images += [np.eye(90), np.ones((4, 100)) * np.arange(100) / 99]
    check = ImageHealthCheck(near=False).fit(images)
    assert rows_with(check, "odd_size") == [20]
    assert rows_with(check, "odd_aspect_ratio") == [21]
    assert_allclose(check.scores_["odd_size"][20], 1 - 21 / 90)


def test_sizes_that_spread_anyway_are_not_odd():
    images = [np.eye(round(20 * 1.15**i)) for i in range(20)]
    assert rows_with(ImageHealthCheck(near=False).fit(images), "odd_size") == []


def test_grey_images_stand_out_among_coloured_ones_only(tiles):
    grey = [np.repeat(t.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8) for t in tiles[:9]]
    check = ImageHealthCheck(near=False).fit([*tiles[24:40], *grey, grey[0][..., 0]])
    assert sorted(rows_with(check, "grayscale")) == list(range(16, 26))
    assert rows_with(ImageHealthCheck(near=False).fit([*tiles[24:28], *grey]), "grayscale") == []


def test_pixels_that_are_no_numbers_are_found(tiles):
    images = [tile.mean(axis=2) / 255 for tile in tiles[:4]]
    images[1] = images[1].copy()
    images[1][:21] = np.nan
    images[2] = np.full((9, 9), np.inf)
    check = ImageHealthCheck().fit(images)
    assert_allclose(check.scores_["not_finite"], [0, 0.2, 1, 0])
    assert rows_with(check, "not_finite") == [2, 1]
    assert check.scores_["dark"].notna().all()


def test_pixels_beyond_black_and_white_count_as_those():
    image = np.full((10, 10), 50.0)
    image[:2], image[8:] = -70, 180
    check = ImageHealthCheck(near=False, value_range=(0, 100)).fit([image, np.eye(9) * 100])
    assert_allclose(check.scores_.loc[0, ["dark", "bright", "blank"]].astype(float), 0)
    entropy = -(0.4 * np.log(0.2) + 0.6 * np.log(0.6)) / np.log(100)
    assert_allclose(check.scores_.loc[0, "low_information"], 1 - entropy)
    assert check.scores_.loc[0, "not_finite"] == 0


def test_bytes_beside_floats_are_judged_as_alone():
    rng = np.random.default_rng(0)
    levels = [rng.integers(20, 200, (32, 32), dtype=np.uint8) for _ in range(4)]
    floats = [(rng.integers(20, 200, (32, 32)) / 255).astype(np.float32) for _ in range(4)]
    check = ImageHealthCheck(near=False).fit([*levels, *floats])
    assert check.issues_.empty
    alone = ImageHealthCheck(near=False).fit(levels).scores_
    assert_allclose(check.scores_.loc[:3], alone[check.scores_.columns])


def test_files_of_the_same_pixels_in_other_formats_are_exact_copies(tiles, tmp_path):
    grey = Image.fromarray(tiles[25]).convert("L")
    names = ["l.png", "l.bmp", "rgb.png", "p.png", "rgba.png"]
    for name in names:
        grey.convert(name.split(".")[0].upper()).save(tmp_path / name)
    check = ImageHealthCheck().fit([tmp_path / name for name in names])
    assert check.pairs_["kind"].tolist() == ["exact"] * 4
    assert check.clusters_.tolist() == [0] * 5


def test_files_of_too_many_pixels_are_a_finding(tiles, tmp_path):
    Image.fromarray(tiles[0]).save(tmp_path / "a.png")
    Image.fromarray(tiles[0][:10, :10]).save(tmp_path / "b.png")
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    check = ImageHealthCheck(near=False, max_pixels=100).fit(paths)
    assert rows_with(check, "unreadable") == [0]
    assert check.reasons_[0].startswith("a.png: too many pixels")
    assert rows_with(ImageHealthCheck(near=False).fit(paths), "unreadable") == []


def test_pixels_that_are_no_numbers_hide_nothing():
    image = np.full((10, 10), 0.2)
    image[3] = np.nan
    scores = ImageHealthCheck().fit([image]).scores_
    assert_allclose(scores[["dark", "bright", "blank"]], [[0.8, 0.2, 1]])


def test_what_drowns_in_rounding_is_neither_blurred_nor_alike():
    faint = np.kron(np.random.default_rng(0).random((5, 5)), np.full((4, 4), 0.003))
    check = ImageHealthCheck().fit([0.1 + faint, 0.5 + faint])
    assert check.scores_["blurry"].isna().all()
    assert check.pairs_.empty
    strong = ImageHealthCheck().fit([0.1 + 100 * faint, 0.5 + 100 * faint])
    assert strong.scores_["blurry"].notna().all()
    assert len(strong.pairs_) == 1


@pytest.mark.parametrize("method", ["phash", "dhash", "ahash"])
def test_a_symmetric_image_is_no_copy_of_itself(tiles, method):
    symmetric = np.hstack([tiles[25], tiles[25][:, ::-1]])
    check = ImageHealthCheck(hash_method=method)
    assert check.fit([symmetric, tiles[30]]).pairs_.empty
    assert len(check.fit([symmetric, symmetric // 2]).pairs_) == 1


def test_copies_of_symmetric_and_even_images_are_found():
    rng = np.random.default_rng(0)
    images = []
    for _ in range(5):
        whole = gaussian_filter(rng.normal(size=(96, 96)), 6)
        both = whole + whole[:, ::-1]
        images += [both, both + both[::-1], np.tile(whole[:, :1], (1, 96))]
    images = [np.rint(30 + 180 * (a - a.min()) / np.ptp(a)).astype(np.uint8) for a in images]
    darker = [np.rint(image * 0.8).astype(np.uint8) for image in images]
    found = pairs_of(ImageHealthCheck(n_examples=0).fit([*images, *darker]))
    assert found >= {(i, i + 15) for i in range(15)}


def test_unreadable_images_are_a_finding(tiles, tmp_path):
    Image.fromarray(tiles[0]).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    X = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    check = ImageHealthCheck().fit(X)
    assert rows_with(check, "unreadable") == [1, 2]
    assert check.reasons_.index.tolist() == [1, 2]
    assert check.reasons_.tolist() == [
        "b.png: no image of a known format",
        "c.png: no such file",
    ]
    assert (
        check.scores_.drop(columns=["unreadable", "exact_duplicate", "near_duplicate"])
        .loc[1:]
        .isna()
        .all(axis=None)
    )
    assert check.pairs_.empty  # what can't be read is no copy of what can't be read
    assert check.drop_duplicates().tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=f"not one of the 2 .* the first, {str(X[1])!r}: no image"):
        ImageHealthCheck().fit(X[1:])


def test_the_wrong_folder_is_named():
    here = re.escape(repr(os.getcwd()))
    message = rf"the first, 'gone/a.png' \(from the folder {here}\): no such file"
    with pytest.raises(ValueError, match=message):
        ImageHealthCheck().fit(["gone/a.png", "gone/b.png"])
    with pytest.raises(ValueError, match="the first, 'image 0': missing"):
        ImageHealthCheck().fit([None, None])


def test_arrays_that_cannot_be_read_have_no_name(tiles):
    check = ImageHealthCheck(near=False).fit([tiles[0], None, np.zeros((0, 3))])
    assert check.reasons_.to_dict() == {1: "missing", 2: "no pixels: shape (0, 3)"}


@pytest.mark.parametrize("as_type", [float, np.uint8])
def test_a_range_that_most_arrays_are_beyond_is_refused(tiles, as_type):
    images = [tile.astype(as_type) for tile in tiles[:5]]
    message = r"whose values go from 0 to 255; got \(0, 1\)"
    with pytest.raises(ValueError, match=message):
        ImageHealthCheck(value_range=(0, 1)).fit(images)
    with pytest.raises(ValueError, match=message):
        ImageHealthCheck(value_range=(0, 1)).fit(np.stack(images))
    digits = load_digits().images[:20] * 15.9  # half of the pixels are 0
    with pytest.raises(ValueError, match=r"0 to 254.4; got \(0, 1\)"):
        ImageHealthCheck(value_range=(0, 1)).fit(digits)
    # one of three is a finding, and so are single pixels and what lies barely beyond
    some = [images[0] / 255, images[1] / 255, images[2]]
    check = ImageHealthCheck(near=False, value_range=(0, 1)).fit(some)
    assert check.scores_["bright"].idxmax() == 2
    spoilt = np.stack([image / 255 for image in images]) * 1.05
    spoilt[:, 0, 0] = 1000
    ImageHealthCheck(near=False, value_range=(0, 1)).fit([*spoilt, None])


@pytest.mark.parametrize(
    ("options", "y", "message"),
    [
        ({"thresholds": {"blury": 1}}, None, "did you mean 'blurry'"),
        ({"hash_method": "md5"}, None, "hash_method must be one of"),
        ({"missing": "x"}, None, "missing must be one of"),
        ({}, ["a", None], "y"),
    ],
)
def test_mistakes_are_told_before_any_file_is_read(monkeypatch, options, y, message):
    monkeypatch.setattr(Images, "read", None)  # calling it would be a TypeError
    with pytest.raises(ValueError, match=message):
        ImageHealthCheck(**options).fit(["a.png", "b.png"], y)


def test_thresholds_can_be_replaced_or_left_out(tiles):
    check = ImageHealthCheck(thresholds={"dark": 0.0, "blurry": None}, near=False).fit(tiles)
    assert len(rows_with(check, "dark")) > 24
    assert "blurry" not in check.scores_
    assert check.thresholds_["dark"] == 0
    assert "blurry" not in check.summary_.index


# copies


def test_exact_copies_are_found_by_their_pixels(tiles):
    check = ImageHealthCheck(near=False).fit([*tiles, tiles[7].copy(), tiles[7][:, ::-1], tiles[7]])
    assert check.pairs_[["row_a", "row_b"]].to_numpy().tolist() == [[7, 48], [7, 50]]
    assert (check.pairs_["kind"] == "exact").all()
    assert np.flatnonzero(check.clusters_ == 0).tolist() == [7, 48, 50]
    line = check.summary_.loc["exact_duplicate"]
    assert line[["n", "n_clusters", "n_superfluous"]].tolist() == [3, 1, 2]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("near", lambda t: as_jpeg(t, 40)),
        ("near", lambda t: np.clip(t * 1.3, 0, 255).astype(np.uint8)),
        ("near", lambda t: (t * 0.6).astype(np.uint8)),
        ("near", lambda t: np.asarray(Image.fromarray(t).resize((60, 60)))),
        ("mirrored", lambda t: t[:, ::-1]),
    ],
)
def test_near_copies_are_found(tiles, kind, change):
    structured = [tile for tile in tiles if tile.mean(axis=2).std() > 10]
    check = ImageHealthCheck(n_examples=0).fit([*structured, *map(change, structured)])
    n = len(structured)
    true = {(i, i + n) for i in range(n)}
    found = pairs_of(check)
    assert len(found & true) >= 0.95 * n  # a white sky, made brighter, is gone
    assert len(found - true) <= 0.02 * len(found)
    own = check.pairs_.set_index(["row_a", "row_b"]).loc[sorted(found & true)]
    assert (own["kind"] == kind).mean() > 0.9
    assert own["similarity"].between(0.97, 1).all()
    assert own["distance"].between(0, 12).all()


def test_mirror_images_are_copies_only_if_asked_for(tiles):
    images = [*tiles[20:30], tiles[25][:, ::-1]]
    assert (5, 10) in pairs_of(ImageHealthCheck().fit(images))
    assert pairs_of(ImageHealthCheck(mirrored=False).fit(images)) == set()


def test_images_without_structure_are_no_near_copies():
    rng = np.random.default_rng(0)
    images = [np.full((32, 32), 0.5) + rng.normal(0, 1e-3, (32, 32)) for _ in range(30)]
    assert ImageHealthCheck().fit(images).pairs_.empty


def test_exact_and_near_copies_make_one_cluster(tiles):
    images = [*tiles[20:26], tiles[21], as_jpeg(tiles[21], 60), tiles[21]]
    check = ImageHealthCheck().fit(images)
    assert np.flatnonzero(check.clusters_ == 0).tolist() == [1, 6, 7, 8]
    assert check.pairs_["kind"].tolist() == ["exact", "near", "exact"]
    assert check.drop_duplicates().tolist() == [0, 1, 2, 3, 4, 5]
    assert check.drop_duplicates(near=False).tolist() == [0, 1, 2, 3, 4, 5, 7]
    assert sorted(rows_with(check, "exact_duplicate")) == [1, 6, 8]
    assert sorted(rows_with(check, "near_duplicate")) == [1, 6, 7, 8]
    near = check.scores_["near_duplicate"]
    assert near[1] == near[6] == near[7] == near[8] > 0.97
    assert check.summary_.loc["exact_duplicate", ["n_clusters", "n_superfluous"]].tolist() == [1, 2]
    assert check.summary_.loc["near_duplicate", ["n", "n_clusters", "n_superfluous"]].tolist() == [
        4,
        1,
        3,
    ]
    lines = {e.issue: [] for e in check.examples_}
    for example in check.examples_:
        lines[example.issue].append(example.row)
    assert lines["exact_duplicate"] == [1, 6, 8]
    assert lines["near_duplicate"] == [1, 6, 7, 8]


def test_near_copies_count_with_their_exact_copies(tiles):
    images = [*[tiles[25]] * 6, (tiles[25] * 0.9).astype(np.uint8), *tiles[30:36]]
    check = ImageHealthCheck().fit(images, sensitive_features=["f"] * 5 + ["m"] * 8)
    columns = ["n", "n_clusters", "n_superfluous"]
    assert check.summary_.loc["near_duplicate", columns].tolist() == [7, 1, 6]
    assert check.summary_.loc["exact_duplicate", columns].tolist() == [6, 1, 5]
    table = check.by_group_.query("issue == 'near_duplicate'")
    assert table["n_marked"].tolist() == [5, 2]


def series(n, rng):
    """Frames of a still: all are near copies of each other."""
    still = np.kron(rng.integers(0, 200, (8, 8)), np.ones((4, 4), dtype=int))
    return [(still + rng.integers(0, 4, still.shape)).astype(np.uint8) for _ in range(n)]


@pytest.mark.parametrize("way", ["hash", "embedding"])
def test_many_near_copies_still_make_whole_clusters(monkeypatch, way):
    rng = np.random.default_rng(0)
    images = [frame for _ in range(3) for frame in series(30, rng)]
    order = rng.permutation(90)
    options = {} if way == "hash" else {"near": False, "embedding": lambda p: p.ravel() - p.mean()}
    check = ImageHealthCheck(n_examples=0, **options)
    whole = check.fit([images[i] for i in order])
    pairs, clusters = whole.pairs_, whole.clusters_
    assert len(pairs) == 3 * 30 * 29 / 2
    monkeypatch.setattr(_copies, "_MOST_PAIRS", 50)
    monkeypatch.setattr(_hamming, "_BLOCK", 64)
    monkeypatch.setattr(_copies, "_BATCH", 4)
    if way == "embedding":

        def refuse(*_, **__):
            raise ValueError("more than 50 pairs")

        monkeypatch.setattr(_copies, "radius_pairs", refuse)
    thinned = check.fit([images[i] for i in order])
    assert_array_equal(thinned.clusters_, clusters)
    assert_array_equal(thinned.clusters_ >= 0, True)
    assert len(thinned.pairs_) < 50 + 256 + 89  # the pairs of a block, and what it takes to connect
    assert (thinned.scores_["near_duplicate"] > 0).all()
    merged = pairs.merge(thinned.pairs_, on=["row_a", "row_b"])
    assert len(merged) == len(thinned.pairs_)
    assert_allclose(merged["distance_x"], merged["distance_y"], atol=1e-12)


def test_thinned_pairs_join_clusters_of_very_many_images(monkeypatch):
    monkeypatch.setattr(_copies, "_MOST_PAIRS", 1)
    n = 1 << 17
    thinned = _copies._Thinned(n, lambda first, second: first % 2 == second % 2)
    assert thinned(np.array([0]), np.array([2])).tolist() == [True]  # from here on it is full
    first = np.array([n - 4, 0, n - 3, n - 6, 0, 2, 1])
    second = np.array([n - 2, 2, n - 2, n - 4, n - 2, n - 2, n - 1])
    kept = thinned(first, second)
    assert kept[[0, 3, 6]].all()  # alone to join their images
    assert not kept[[1, 2]].any()  # joined before, and not similar
    assert kept[[4, 5]].sum() == 1  # two ways between two clusters
    assert not thinned(np.array([n - 6]), np.array([0])).any()
    apart = np.array([10, 10 + (1 << 15)])  # numbers of 32 bits would take them for one
    assert thinned(apart, np.array([100_000, 100_000])).all()


def test_embeddings_that_say_nothing_are_told(tiles):
    def fit(embedding):
        return ImageHealthCheck(embedding=embedding).fit([*tiles[20:24], None])

    for value in (0.0, np.nan):
        with pytest.warns(UserWarning, match="for 4 of 4 different images"):
            assert fit(lambda p, value=value: np.full(3, value)).pairs_.empty
    dark = min(float(tile.mean()) for tile in tiles[20:24]) / 255 + 1e-3
    with pytest.warns(UserWarning, match="for 1 of 4 different images"):
        check = fit(lambda p: np.array([1.0, np.nan if p.mean() < dark else 1.0]))
    assert len(check.pairs_) == 3  # the other three are alike
    assert fit(lambda p: np.ones(3)).clusters_.tolist() == [0, 0, 0, 0, -1]  # and no warning


def test_limits_of_near_copies_are_honoured(tiles):
    images = [tiles[21], as_jpeg(tiles[21], 5)]
    loose = ImageHealthCheck(max_distance=20, min_similarity=0.5).fit(images)
    distance, similarity = loose.pairs_.loc[0, ["distance", "similarity"]]
    assert distance > 0
    assert similarity < 1
    near = ImageHealthCheck(max_distance=int(distance), min_similarity=similarity - 1e-6)
    assert len(near.fit(images).pairs_) == 1
    assert near.set_params(max_distance=int(distance) - 1).fit(images).pairs_.empty
    near.set_params(max_distance=20, min_similarity=similarity + 1e-6)
    assert near.fit(images).pairs_.empty


def test_embeddings_find_copies_that_hashes_miss(tiles):
    images = [*tiles[20:30], np.rot90(tiles[25])]

    def colours(pixels):
        return np.concatenate([np.histogram(pixels[..., c], 16, (0, 1))[0] for c in range(3)])

    assert ImageHealthCheck().fit(images).pairs_.empty
    check = ImageHealthCheck(embedding=colours, max_embedding_distance=1e-9).fit(images)
    assert check.pairs_[["row_a", "row_b", "kind"]].to_numpy().tolist() == [[5, 10, "embedding"]]
    assert check.scores_["near_duplicate"][10] == pytest.approx(1)


def test_embeddings_are_compared_by_cosine():
    angles = np.arccos([1, 0.9, 0.9, 0.0])  # cosine distances to the first: 0, 0.1, 0.1 and 1
    angles[2] *= -1
    images = [np.full((2, 2), (i + 1) / 10) for i in range(4)] + [None]

    def turn(pixels):
        i = round(float(pixels[0, 0]) * 10) - 1
        return (i + 1) * np.array([np.cos(angles[i]), np.sin(angles[i])])

    check = ImageHealthCheck(embedding=turn, max_embedding_distance=0.1001).fit(images)
    assert check.pairs_[["row_a", "row_b"]].to_numpy().tolist() == [[0, 1], [0, 2]]
    assert_allclose(check.pairs_["distance"], 0.1)
    assert_allclose(check.scores_["near_duplicate"], [0.9, 0.9, 0.9, 0, 0])
    assert check.set_params(max_embedding_distance=0.0999).fit(images).pairs_.empty
    with pytest.raises(ValueError, match="different lengths"):
        check.set_params(embedding=lambda pixels: np.ones(round(10 * pixels[0, 0]))).fit(images)


def test_the_largest_copy_stays_unless_a_split_is_preferred(tiles):
    small = np.asarray(Image.fromarray(tiles[21]).resize((70, 70)))
    check = ImageHealthCheck()
    check.fit([small, tiles[30], tiles[21], small], splits=["train", "train", "train", "test"])
    assert check.clusters_.tolist() == [0, -1, 0, 0]
    assert check.drop_duplicates().tolist() == [1, 2]
    assert check.drop_duplicates(prefer=["test"]).tolist() == [1, 3]
    assert check.drop_duplicates(prefer=["train", "test"]).tolist() == [1, 2]
    with pytest.raises(ValueError, match="each of prefer must be one of"):
        check.drop_duplicates(prefer=["validation"])
    with pytest.raises(ValueError, match="prefer names splits"):
        check.fit(tiles[:3]).drop_duplicates(prefer=["test"])


def test_copies_with_different_labels_are_told_when_one_is_dropped(tiles):
    jpeg = as_jpeg(tiles[21], 60)
    images = [tiles[20], tiles[20], tiles[21], jpeg, tiles[30], tiles[31], tiles[31]]
    labels = list("ab") + list("cd") + list("ecc")
    check = ImageHealthCheck().fit(images, labels)
    assert check.label_conflicts_.tolist() == [0, 1]
    with pytest.warns(UserWarning, match="2 clusters of copies have different labels"):
        assert check.drop_duplicates().tolist() == [0, 2, 4, 5]
    assert check.drop_duplicates(conflicts="keep").tolist() == [0, 2, 4, 5]
    assert check.drop_duplicates(conflicts="drop").tolist() == [4, 5]
    with pytest.warns(UserWarning, match="1 clusters"):  # of exact copies only
        assert check.drop_duplicates(near=False).tolist() == [0, 2, 3, 4, 5]
    assert check.drop_duplicates(near=False, conflicts="drop").tolist() == [2, 3, 4, 5]
    with pytest.raises(ValueError, match="conflicts must be one of"):
        check.drop_duplicates(conflicts="all")
    assert ImageHealthCheck().fit(images).drop_duplicates().tolist() == [0, 2, 4, 5]


def test_a_single_split_can_be_preferred_by_its_name(tiles):
    check = ImageHealthCheck().fit([tiles[20]] * 2, splits=["train", "test"])
    assert check.drop_duplicates(prefer="test").tolist() == [1]
    with pytest.raises(ValueError, match=r"each of prefer must be one of .*got 'tset'"):
        check.drop_duplicates(prefer="tset")


# groups, classes, splits


def test_shares_by_group_come_with_wilsons_intervals(tiles):
    black = np.zeros((9, 9), dtype=np.uint8)
    images = [*tiles[:10], black, black, black]
    check = ImageHealthCheck(near=False, confidence_level=0.9)
    check.fit(images, sensitive_features=["f"] * 8 + ["m"] * 4 + [None])
    line = check.by_group_.query("issue == 'blank' and group == 'm'").iloc[0]
    low, high = wilson_interval(0.5, 4, critical_value(0.9))
    assert line[["n", "n_marked", "share"]].tolist() == [4, 2, 0.5]
    assert_allclose(line[["low", "high"]].astype(float), [low, high])
    copies = check.by_group_.query("issue == 'exact_duplicate'").set_index("group")
    assert copies["n_marked"].to_dict() == {"f": 0, "m": 2, "<missing>": 1}
    with pytest.raises(ValueError, match="missing values"):
        check.set_params(missing="raise").fit(images, sensitive_features=["f"] * 12 + [None])


def test_balance_counts_classes_groups_and_classes_in_groups():
    images = np.random.default_rng(0).random((6, 8, 8))
    check = ImageHealthCheck(near=False)
    check.fit(images, list("aabbbb"), sensitive_features=list("xyxyyy"))
    table = check.balance_
    assert table.query("of == 'class'")["group"].tolist() == ["all", "all"]
    assert table["of"].unique().tolist() == ["class", "group", "class in group"]
    assert table.query("of == 'class'")["share"].tolist() == [2 / 6, 4 / 6]
    assert table.query("of == 'group'")["n"].tolist() == [2, 4]
    inside = table.query("of == 'class in group'").set_index(["group", "class"])
    assert inside["share"].to_dict() == {
        ("x", "a"): 0.5,
        ("x", "b"): 0.5,
        ("y", "a"): 0.25,
        ("y", "b"): 0.75,
    }
    assert (table["low"] < table["share"]).all()
    assert (table["share"] < table["high"]).all()


def test_issues_by_class_show_a_shortcut(tiles):
    grey = [np.repeat(t.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8) for t in tiles[:3]]
    images = [*tiles[20:26], *grey]
    labels = ["b"] * 3 + ["a"] * 3 + ["b"] * 3
    check = ImageHealthCheck(near=False).fit(images, labels)
    table = check.by_class_.query("issue == 'grayscale'").set_index("class")
    assert table["n_marked"].to_dict() == {"a": 0, "b": 3}
    assert table["share"].to_dict() == {"a": 0.0, "b": 0.5}
    assert_allclose(
        table.loc["b", ["low", "high"]].astype(float), wilson_interval(0.5, 6, critical_value(0.95))
    )
    assert check.by_group_ is None
    assert check.fit(images).by_class_ is None


def test_shares_agree_whatever_is_weighted():
    images = np.random.default_rng(0).integers(0, 255, (10, 32, 32)).astype(np.uint8)
    images[0] = 0
    weights = np.ones(10)
    weights[0] = 91
    options = {"sensitive_features": ["g"] * 10}
    check = ImageHealthCheck().fit(images, ["a"] * 10, sample_weight=weights, **options)
    assert check.summary_.loc["blank", ["n", "share"]].tolist() == [1, 0.91]
    for table in (check.by_group_, check.by_class_):
        line = table.query("issue == 'blank'").iloc[0]
        assert line[["n", "n_marked", "share"]].tolist() == [10, 1, 0.91]
    assert check.summary_["share"].dtype == float
    said = "shares are weighted, numbers of images aren't"
    for text in (check.report(), check.to_html()):
        assert said in text
        assert re.search("by group, weighted", text)
    plain = ImageHealthCheck().fit(images, ["a"] * 10, **options)
    assert plain.summary_.loc["blank", ["n", "share"]].tolist() == [1, 0.1]
    assert said not in plain.report()
    assert said not in plain.to_html()
    assert (check.is_weighted_, plain.is_weighted_) == (True, False)


def test_weights_count_in_shares_and_intervals():
    images = np.random.default_rng(0).random((4, 8, 8))
    twice = ImageHealthCheck(near=False).fit(images, list("aabb"), sample_weight=[2, 2, 2, 6])
    table = twice.balance_
    assert table["share"].tolist() == [1 / 3, 2 / 3]
    plain = ImageHealthCheck(near=False).fit(images, list("aabb"), sample_weight=[5, 5, 5, 5])
    expected = ImageHealthCheck(near=False).fit(images, list("aabb")).balance_
    assert_allclose(plain.balance_[["low", "high"]], expected[["low", "high"]])
    images[1] = images[3] = 0
    twice.fit(
        images,
        ["seen", "blank", "seen", "blank"],
        sensitive_features=list("ffmm"),
        splits=["train", "train", "train", "test"],
        sample_weight=[3, 1, 6, 2],
    )
    blank = twice.by_group_.query("issue == 'blank'")
    assert_allclose(blank["share"], [1 / 4, 1 / 4])
    as_class = twice.balance_.query("of == 'class in group' and `class` == 'blank'")
    limits = ["share", "low", "high"]
    assert_allclose(blank[limits], as_class[limits])
    across = twice.across_splits_.set_index("split")
    assert_allclose(across.loc["train", "share"], 1 / 10)
    assert across["n_copied"].to_dict() == {"train": 1, "test": 1}
    with pytest.raises(ValueError, match="Negative values"):
        ImageHealthCheck().fit(images, sample_weight=[1, 1, 1, -1])


def test_copies_across_splits_are_counted_from_both_sides(tiles):
    images = [*tiles[20:24], tiles[20], as_jpeg(tiles[20], 70), tiles[30], tiles[31]]
    splits = ["train"] * 4 + ["test"] * 3 + ["validation"]
    check = ImageHealthCheck().fit(images, splits=splits, y=list("abababab"))
    table = check.across_splits_.set_index(["split", "other"])["n_copied"]
    assert table["test", "train"] == 2
    assert table["train", "test"] == 1
    assert table["validation", "train"] == table["train", "validation"] == 0
    assert check.across_splits_.query("split == 'test'")["n"].tolist() == [3, 3]
    assert check.copies_["row"].tolist() == [0, 4, 5]
    assert check.copies_["split"].tolist() == ["train", "test", "test"]
    assert check.copies_["is_exact"].tolist() == [True, True, False]
    assert check.label_conflicts_.tolist() == [0]  # rows 0 and 4 are a, row 5 is b


def test_a_table_holds_paths_and_groups(tiles, tmp_path):
    paths = []
    for i, tile in enumerate(tiles[:4]):
        Image.fromarray(tile).save(tmp_path / f"{i}.png")
        paths.append(str(tmp_path / f"{i}.png"))
    table = {"path": paths, "sex": ["f", "m", "m", "m"]}
    check = ImageHealthCheck(image_column="path", sensitive_features="sex", near=False, n_jobs=2)
    counts = []
    for frame in (pd.DataFrame(table, index=[9, 7, 9, 1]), pl.DataFrame(table)):
        check.fit(frame)
        counts.append(check.balance_["n"].tolist())
        assert check.scores_.index.tolist() == [0, 1, 2, 3]
    assert counts == [[1, 3], [1, 3]]
    with pytest.raises(ValueError, match="image_column="):
        ImageHealthCheck().fit(pd.DataFrame(table))
    with pytest.raises(ValueError, match="twice"):
        check.fit(pd.DataFrame(table), sensitive_features=table["sex"])


def test_paths_and_arrays_give_the_same_answers(tiles, tmp_path):
    images = [*tiles[:12], tiles[3], as_jpeg(tiles[5], 50)]
    paths = []
    for i, tile in enumerate(images):
        Image.fromarray(tile).save(tmp_path / f"{i}.png")
        paths.append(tmp_path / f"{i}.png")
    one, two = (ImageHealthCheck(n_jobs=n).fit(X) for n, X in ((1, images), (2, paths)))
    pd.testing.assert_frame_equal(one.scores_, two.scores_)
    pd.testing.assert_frame_equal(one.pairs_, two.pairs_)
    first = np.moveaxis(np.stack(images), -1, 1)
    pd.testing.assert_frame_equal(one.scores_, ImageHealthCheck().fit(first).scores_)


def test_one_image_or_one_class_is_enough(tiles):
    check = ImageHealthCheck().fit(tiles[:1], ["a"], sensitive_features=["f"], splits=["train"])
    assert check.balance_["share"].tolist() == [1, 1, 1]
    assert check.across_splits_.empty
    assert check.pairs_.empty


def test_tiny_images_are_measured():
    check = ImageHealthCheck().fit([np.zeros((1, 1)), np.ones((2, 3)), np.eye(3)])
    assert check.scores_["blurry"].isna().all()
    assert_array_equal(check.measures_["width"], [1, 3, 3])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"max_distance": 65}, "max_distance"),
        ({"min_similarity": 2}, "min_similarity"),
        ({"max_embedding_distance": 0}, "max_embedding_distance"),
        ({"n_examples": -1}, "n_examples"),
        ({"confidence_level": 1}, "confidence_level"),
        ({"hash_method": "md5"}, "hash_method must be one of"),
        ({"thresholds": {"dusk": 0.5}}, "did you mean 'dark'|thresholds name no issue 'dusk'"),
        ({"thresholds": {"dark": "much"}}, "must be a number or None"),
        ({"thresholds": {"dark": float("nan")}}, "must be a number or None"),
        ({"max_pixels": 0.5}, "max_pixels"),
    ],
)
def test_parameters_out_of_range_are_refused(tiles, options, reason):
    with pytest.raises(ValueError, match=reason):
        ImageHealthCheck(**options).fit(tiles[:2])


def test_wrong_lengths_are_refused(tiles):
    for values in (
        {"y": [1]},
        {"sensitive_features": ["f"]},
        {"splits": ["train"]},
        {"sample_weight": [1.0]},
    ):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            ImageHealthCheck().fit(tiles[:3], **values)


def test_it_is_an_estimator(tiles):
    check = ImageHealthCheck(max_distance=3, thresholds={"dark": 0.5})
    assert clone(check).get_params() == check.get_params()
    again = pickle.loads(pickle.dumps(check.fit(tiles)))
    pd.testing.assert_frame_equal(again.issues_, check.issues_)
    assert again.to_html() == check.to_html()
    assert len(pickle.dumps(check)) < 3_000_000  # the images aren't kept
