"""Perceptual hashes agree with ImageHash's; the health check finds what cleanvision finds."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from skfair.similarity import hamming_distances, perceptual_hashes
from skfair.vision import ImageHealthCheck

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what its imports import
    imagehash = pytest.importorskip("imagehash")
    cleanvision = pytest.importorskip("cleanvision")

Image = pytest.importorskip("PIL.Image")

pytestmark = pytest.mark.peers

HASHES = {"phash": imagehash.phash, "dhash": imagehash.dhash, "ahash": imagehash.average_hash}


@pytest.fixture(scope="module")
def tiles():
    """Tiles of 105 x 105 pixels with enough to see in them."""
    found = []
    for photo in load_sample_images().images:
        for r in range(0, 420, 105):
            found += [photo[r : r + 105, c : c + 105] for c in range(0, 630, 105)]
    return [tile for tile in found if tile.mean(axis=2).std() > 15]


@pytest.fixture(scope="module")
def damaged(tiles):
    """Images, some of them dark, bright, blank or copied."""
    images = [*tiles, *(tile // 12 for tile in tiles[:4])]
    images += [255 - (255 - tile) // 12 for tile in tiles[:4]]
    images += [np.full((105, 105, 3), 77, dtype=np.uint8), tiles[5], tiles[6]]
    return images


@pytest.fixture(scope="module")
def lab(damaged, tmp_path_factory):
    """What cleanvision finds in them."""
    folder = tmp_path_factory.mktemp("images")
    for i, image in enumerate(damaged):
        Image.fromarray(image).save(folder / f"{i:03d}.png")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = cleanvision.Imagelab(data_path=str(folder))
        found.find_issues(n_jobs=1, verbose=False)
    return found.issues.sort_index().reset_index(drop=True)


@pytest.mark.parametrize(("method", "most"), [("phash", 4), ("dhash", 8), ("ahash", 2)])
def test_hashes_are_those_of_imagehash_but_for_the_resizing(tiles, method, most):
    grey = [np.asarray(Image.fromarray(tile).convert("L")) for tile in tiles]
    theirs = [int(str(HASHES[method](Image.fromarray(image))), 16) for image in grey]
    differing = hamming_distances(
        perceptual_hashes(grey, method=method), np.array(theirs, dtype=np.uint64)
    )
    assert np.median(differing) <= most


def test_hashes_are_those_of_imagehash_where_nothing_is_resized():
    image = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    theirs = np.array([int(str(imagehash.phash(Image.fromarray(image))), 16)], dtype=np.uint64)
    # Of 64 coefficients those that lie at their median but for rounding are 0 here.
    assert hamming_distances(perceptual_hashes([image]), theirs)[0] <= 2
    small = image[:8, :8]
    theirs = int(str(imagehash.average_hash(Image.fromarray(small))), 16)
    assert int(perceptual_hashes([small], method="ahash")[0]) == theirs


def test_planted_defects_are_found_by_both(damaged, lab):
    check = ImageHealthCheck().fit(damaged)
    n = len(damaged)
    for issue, planted in [
        ("dark", range(n - 11, n - 7)),
        ("exact_duplicates", (5, 6, n - 2, n - 1)),
    ]:
        ours = check.issues_.loc[check.issues_["issue"] == issue.removesuffix("s"), "row"]
        assert set(planted) <= set(ours)
        assert set(planted) <= set(np.flatnonzero(lab[f"is_{issue}_issue"]))


def test_scores_of_brightness_run_against_cleanvisions(damaged, lab):
    # there a high score is a good one
    check = ImageHealthCheck(near=False).fit(damaged)
    for issue, score in (("dark", "dark_score"), ("bright", "light_score")):
        assert np.corrcoef(check.scores_[issue], lab[score])[0, 1] < -0.95
