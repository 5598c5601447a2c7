"""What ImageHealthCheck finds of planted copies and defects, and how long a search takes.

Photographs are those that scikit-learn and, where it is installed, scikit-image bring along, cut
into tiles of several sizes. Thresholds are chosen on one half of the tiles; the figures are of the
other.

    python benchmarks/image_health.py [--scale]
"""

from __future__ import annotations

import argparse
import io
import resource
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits, load_sample_images
from sklearn.metrics import roc_auc_score

from skfair.similarity import hamming_pairs
from skfair.vision import ImageHealthCheck

MAX_DISTANCE = ImageHealthCheck().max_distance

SIZES = (96, 144, 224)
PHOTOGRAPHS = (
    *("astronaut", "brick", "camera", "chelsea", "clock_motion", "coffee", "coins", "grass"),
    *("gravel", "hubble_deep_field", "ihc", "moon", "motorcycle_left", "retina", "rocket"),
)


def photographs():
    found = list(load_sample_images().images)
    spec = find_spec("skimage")
    for folder in spec.submodule_search_locations if spec else ():
        files = sorted((Path(folder) / "data").iterdir())
        found += [np.asarray(Image.open(f).convert("RGB")) for f in files if f.stem in PHOTOGRAPHS]
    return found


def tiles(seed=0):
    """Tiles of photographs, each of one of three sizes, in random order; flat ones are left out."""
    found = []
    for i, photo in enumerate(photographs()):
        side = SIZES[i % len(SIZES)]
        rows, columns = (range(0, length - side + 1, side) for length in photo.shape[:2])
        found += [photo[r : r + side, c : c + side] for r in rows for c in columns]
    found = [tile for tile in found if tile.mean(axis=2).std() > 5]
    return [found[i] for i in np.random.default_rng(seed).permutation(len(found))]


def digits():
    scaled = np.rint(load_digits().images * (255 / 16)).astype(np.uint8)
    found = [np.repeat(image[..., None], 3, axis=2) for image in scaled]
    return [found[i] for i in np.random.default_rng(0).permutation(len(found))]


def as_jpeg(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=int(quality))
    return np.asarray(Image.open(buffer))


def scaled(image, factor):
    return np.rint(np.clip(image * factor, 0, 255)).astype(np.uint8)


def cropped(image, share):
    """Cut a share of each side off, and bring the rest to the size that the image had."""
    height, width = image.shape[:2]
    box = (width * share, height * share, width * (1 - share), height * (1 - share))
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC, box))


def halved(image):
    size = (max(image.shape[1] // 2, 1), max(image.shape[0] // 2, 1))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


COPIES: dict[str, Callable] = {
    "exact": lambda image, rng: image.copy(),
    "JPEG, quality 30 to 95": lambda image, rng: as_jpeg(image, rng.integers(30, 96)),
    "brightness x 0.6 to 1.4": lambda image, rng: scaled(image, rng.uniform(0.6, 1.4)),
    "gamma 0.6 to 1.6": lambda image, rng: scaled((image / 255) ** rng.uniform(0.6, 1.6), 255),
    "noise, deviation 8": lambda image, rng: scaled(image + rng.normal(0, 8, image.shape), 1),
    "half the size": lambda image, rng: halved(image),
    "mirrored": lambda image, rng: image[:, ::-1],
    "cropped by 1 % a side": lambda image, rng: cropped(image, 0.01),
    "cropped by 3 % a side": lambda image, rng: cropped(image, 0.03),
    "cropped by 6 % a side": lambda image, rng: cropped(image, 0.06),
    "turned upside down": lambda image, rng: image[::-1],
}
RECODED = tuple(COPIES)[1:4]


def blurred(image, sigma):
    return np.rint(gaussian_filter(image.astype(float), (sigma, sigma, 0))).astype(np.uint8)


def defects(image, rng, *, is_small):
    low, high = (0.8, 1.5) if is_small else (1.5, 4)
    level = rng.integers(0, 256)
    return {
        "dark": scaled(image, rng.uniform(0.05, 0.2)),
        "bright": 255 - scaled(255 - image, rng.uniform(0.05, 0.2)),
        "blurry": blurred(image, rng.uniform(low, high)),
        "blank": scaled(level + rng.normal(0, 1, image.shape), 1),
        "low_information": scaled(128 + (image - 128.0) * rng.uniform(0.02, 0.05), 1),
    }


def found_pairs(images, **options):
    table = ImageHealthCheck(n_examples=0, **options).fit(images).pairs_
    return set(zip(table["row_a"], table["row_b"], strict=True))


def plant(images, kind, seed=0):
    """Images and a copy of every second one, and the pairs that were planted."""
    rng = np.random.default_rng(seed)
    chosen = range(0, len(images), 2)
    copies = [COPIES[kind](images[i], rng) for i in chosen]
    return [*images, *copies], {(i, len(images) + k) for k, i in enumerate(chosen)}


def score(found, true):
    recall = len(found & true) / len(true)
    precision = len(found & true) / len(found) if found else np.nan
    return precision, recall


def choose_limits(images):
    """Precision and recall over all re-encoded and brightened copies, for a grid of limits."""
    rows = []
    for distance in (8, 10, 12, 14):
        for similarity in (0.0, 0.95, 0.96, 0.97, 0.98):
            counts = np.zeros(3)
            for kind in RECODED:
                planted, true = plant(images, kind)
                found = found_pairs(planted, max_distance=distance, min_similarity=similarity)
                counts += len(found & true), len(found), len(true)
            rows.append((distance, similarity, counts[0] / counts[1], counts[0] / counts[2]))
    return pd.DataFrame(rows, columns=["max_distance", "min_similarity", "precision", "recall"])


def copies_table(images, find=found_pairs):
    rows = {}
    for kind in COPIES:
        planted, true = plant(images, kind, seed=1)
        options = {"near": False} if kind == "exact" and find is found_pairs else {}
        rows[kind] = score(find(planted, **options), true)
    return pd.DataFrame(rows, index=["precision", "recall"]).T


def defect_scores(images, *, is_small, seed):
    """Scores of clean images beside those of their damaged versions, by issue."""
    rng = np.random.default_rng(seed)
    damaged = [defects(image, rng, is_small=is_small) for image in images]
    check = ImageHealthCheck(near=False, n_examples=0)
    clean = check.fit(images).scores_
    found = {}
    for issue in damaged[0]:
        bad = check.fit([versions[issue] for versions in damaged]).scores_[issue]
        values = np.r_[clean[issue], bad]
        found[issue] = (np.nan_to_num(values, nan=0.0), np.repeat([0, 1], len(images)))
    return found


def defects_table(images, *, is_small):
    half = len(images) // 2
    chosen_on = defect_scores(images[:half], is_small=is_small, seed=1)
    told_of = defect_scores(images[half:], is_small=is_small, seed=2)
    rows = {}
    for issue, (values, damaged) in told_of.items():
        seen, truth = chosen_on[issue]
        grid = np.unique(seen)
        youden = [(seen[truth == 1] > t).mean() - (seen[truth == 0] > t).mean() for t in grid]
        best = grid[int(np.argmax(youden))]
        limit = ImageHealthCheck(near=False).fit(images[:2]).thresholds_[issue]
        flagged = values > limit
        rows[issue] = {
            "ROC-AUC": roc_auc_score(damaged, values),
            "best threshold, other half": best,
            "threshold": limit,
            "damaged found": flagged[damaged == 1].mean(),
            "clean flagged": flagged[damaged == 0].mean(),
        }
    return pd.DataFrame(rows).T


def search_table(n=100_000, seed=0):
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 1 << 64, n, dtype=np.uint64)
    bits = rng.integers(0, 64, (n // 100, 6)).astype(np.uint64)
    hashes[: n // 100] = hashes[-(n // 100) :] ^ np.bitwise_or.reduce(np.uint64(1) << bits, axis=1)
    rows = {}
    for distance in (3, 6, 10, 12):
        start = time.process_time()
        found = hamming_pairs(hashes, max_distance=distance)
        rows[distance] = {"pairs": len(found.first), "CPU seconds": time.process_time() - start}
    return pd.DataFrame(rows).T.rename_axis("max_distance")


def reading_table(sizes=(500, 2000)):
    """Images a second, and by how much the process grows while it reads more of them."""
    big = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    rows = {}
    for n in sizes:
        start = time.process_time()
        ImageHealthCheck(n_examples=0).fit(np.broadcast_to(big, (n, *big.shape)))
        rows[n] = {
            "images a CPU second": n / (time.process_time() - start),
            "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    return pd.DataFrame(rows).T.rename_axis("images of 128 x 128 x 3")


def pairs_by_imagehash(images):
    """Pairs by ImageHash's phash within as many bits, and the same of mirror images."""
    import imagehash

    def hashes(flip):
        found = [imagehash.phash(Image.fromarray(image[:, ::flip])) for image in images]
        return np.stack([h.hash.ravel() for h in found])

    one, other = hashes(1), hashes(-1)
    near = [(one[:, None] != b).sum(axis=2) <= MAX_DISTANCE for b in (one, other)]
    return set(zip(*map(np.ndarray.tolist, np.nonzero(np.triu(near[0] | near[1], 1))), strict=True))


def pairs_by_cleanvision(images):
    """Pairs within cleanvision's sets of exact and near duplicates."""
    from tempfile import TemporaryDirectory

    from cleanvision import Imagelab

    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i, image in enumerate(images):
            Image.fromarray(image).save(Path(folder) / f"{i:06d}.png")
        lab = Imagelab(data_path=folder)
        lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, n_jobs=1, verbose=False)
        sets = [s for kind in ("exact", "near") for s in lab.info[f"{kind}_duplicates"]["sets"]]
    rows = [sorted(int(Path(name).stem) for name in s) for s in sets]
    return {(a, b) for s in rows for i, a in enumerate(s) for b in s[i + 1 :]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", action="store_true", help="time and memory too")
    parser.add_argument("--grid", action="store_true", help="the grid that limits were chosen from")
    arguments = parser.parse_args()
    for name, images in (("tiles of photographs", tiles()), ("digits of 8 x 8", digits())):
        half = len(images) // 2
        print(f"\n## {len(images)} {name}\n")
        if arguments.grid:
            print(choose_limits(images[:half]).round(3).to_string(index=False), "\n")
        print(copies_table(images[half:]).round(3).to_string(), "\n")
        print(defects_table(images, is_small=len(images[0]) < 20).round(3).to_string())
        for peer, find in (
            ("imagehash", pairs_by_imagehash),
            ("cleanvision", pairs_by_cleanvision),
        ):
            if find_spec(peer):
                print(f"\n{peer}\n{copies_table(images[half:], find).round(3).to_string()}")
    if arguments.scale:
        print("\n## Search among 100,000 hashes\n\n" + search_table().round(2).to_string())
        print("\n## Reading\n\n" + reading_table().round(1).to_string())


if __name__ == "__main__":
    main()
