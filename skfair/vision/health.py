"""ImageHealthCheck: what is wrong with a data set of images, and with whose."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skfair._utils.arrays import divide
from skfair._utils.columns import is_frame, select_column
from skfair._utils.validation import (
    as_column,
    check_count,
    check_number,
    check_option,
    check_same_length,
    check_share,
    check_weights,
    encode_labels,
)
from skfair.base import SensitiveFeaturesMixin
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.similarity import HashMethod
from skfair.vision._balance import balance_table, copies_across_splits, shares_by_group
from skfair.vision._copies import (
    MAX_DISTANCE,
    MIN_SIMILARITY,
    Copies,
    choose_kept,
    find_copies,
)
from skfair.vision._copy_tables import conflicting, copies_table, copy_scores, near_clusters
from skfair.vision._html import write_html
from skfair.vision._images import MAX_PIXELS, Channels, Images, Pixels, refuse_if_unreadable
from skfair.vision._issues import CONFLICT, COPIES, check_thresholds, find_issues, list_issues
from skfair.vision._measures import measure_images
from skfair.vision._report import write_text
from skfair.vision._thumbnails import name_reasons, pick_examples
from skfair.vision.displays import ImageIssuesDisplay

Marks = dict[str, NDArray[np.bool_]]
"""Of each issue, which images have it."""


class ImageHealthCheck(SensitiveFeaturesMixin, BaseEstimator):
    """Look at a data set of images: what is damaged, poor or copied, and in which group.

    Every image is read once and measured; only small rows of numbers stay. An image has an issue
    where its score is above the threshold:

    - *unreadable*, *not_finite*: no image, or pixels that are NaN or infinite;
    - *blank*, *dark*, *bright*, *low_information*: by the distribution of its brightness;
    - *blurry*: differences of pixels grow with distance as they do where no detail is left;
    - *odd_size*, *odd_aspect_ratio*: more than twice or less than half the median, or further out
      where sizes spread anyway;
    - *grayscale*: without colour, where most images have some;
    - *exact_duplicate*: the same pixels as another image, whatever the format of its file: grey
      saved as RGB or with a palette, with or without transparency, of 8 or 16 bits;
    - *near_duplicate*: a perceptual hash within ``max_distance`` bits of another image's, or of its
      mirror image's, and a thumbnail that correlates with it by ``min_similarity``. That finds
      copies which were compressed, resized, brightened, mirrored or cropped by 1 % a side.

    Issues that are more frequent in one group make a model worse for it. Copies within a group
    make it look larger and more uniform than it is; copies across splits flatter the evaluation.

    Parameters
    ----------
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, where X is a table with the paths in a column, or a callable of X; or pass
        ``sensitive_features=`` to fit. Not needed.
    image_column : str or int, default=None
        Column of X that holds the images or paths, where X is a table.
    channels : {"auto", "first", "last"}, default="auto"
        Which axis of arrays holds the channels; "auto": the one that is 1 to 4 long.
    value_range : tuple of 2 floats, default=None
        Values of black and white in all arrays, and in files of floating-point numbers. None: by
        the type, and of other types than booleans and unsigned integers by the values, see
        :meth:`Images.of`.
    max_pixels : int or None, default=50_000_000
        Files of more pixels count as unreadable and aren't decoded; reading takes up to 50 bytes a
        pixel in each thread. None: Pillow's own limit only.
    thresholds : mapping of str to float or None, default=None
        Thresholds that replace the defaults, by issue; None leaves an issue out.
    near : bool, default=True
        Whether near copies are looked for.
    hash_method : {"phash", "dhash", "ahash"}, default="phash"
        As in :func:`skfair.similarity.perceptual_hashes`.
    max_distance : int, default=12
        Most bits of 64 in which the hashes of near copies differ.
    min_similarity : float, default=0.97
        Least correlation of the thumbnails of near copies.
    mirrored : bool, default=True
        Whether mirror images are near copies.
    embedding : callable, default=None
        Maps the pixels of an image, (h, w) or (h, w, 3) from 0 to 1, to a vector: images whose
        vectors are within ``max_embedding_distance`` are near copies, too.
    max_embedding_distance : float, default=0.05
        Largest cosine distance of near copies.
    n_examples : int, default=8
        Most images of each issue, and clusters of copies, that are kept small for reports.
    confidence_level : float, default=0.95
        Of the intervals.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.
    n_jobs : int, default=None
        Number of threads that read images; -1 takes all processors.

    Attributes
    ----------
    issues_ : DataFrame
        A line for each image and issue: ``row``, ``issue``, ``score``, ``threshold``.
    summary_ : DataFrame
        By issue: ``n`` images that have it, their ``share`` (weighted), ``threshold``; of
        duplicates also ``n_clusters`` that such copies connect, and ``n_superfluous``, the images
        beyond the first of each. Exact copies of an image that has a near copy have that near
        copy, too.
    scores_ : DataFrame of shape (n, n_issues)
        Every score; higher is worse. NaN where an issue doesn't apply.
    thresholds_ : Series
    reasons_ : Series
        Why images can't be read, indexed by row; of files with the path below the folder that all
        are in.
    pairs_ : DataFrame
        Pairs of copies: ``row_a``, ``row_b``, ``kind`` ("exact", "near", "mirrored" or
        "embedding"), ``distance`` (in bits, or the cosine distance), ``similarity``.
    clusters_ : ndarray of int of shape (n,)
        Cluster of copies of each image, exact and near; -1 for an image without a copy.
    copies_ : DataFrame
        A line for each image with a copy: ``cluster``, ``row``, ``is_exact``, and ``split``,
        ``group`` and ``label`` as far as they were given.
    balance_ : DataFrame
        Shares of classes, of groups and of classes in each group, with Wilson's intervals; ``of``
        says which, and "all" stands where a line isn't of one class or one group.
    by_group_ : DataFrame or None
        Share of images with each issue in each group, with Wilson's intervals.
    by_class_ : DataFrame or None
        The same for each class: what marks one class more often is a shortcut to it.
    across_splits_ : DataFrame or None
        Share of images of each split that have a copy in another.
    label_conflicts_ : ndarray of int
        Clusters whose images have different labels.
    is_weighted_ : bool
        Whether there are weights: then all shares and intervals are weighted, and numbers of images
        (``n``, ``n_marked``, ``n_copied``) are not.
    examples_ : list of Example
        Small pictures for reports.

    Raises
    ------
    ValueError
        If there are no images or not one can be read, lengths differ, a parameter is out of range,
        or most arrays lie beyond ``value_range``.

    Warns
    -----
    UserWarning
        If ``embedding`` gives vectors that are 0 or not finite.

    Notes
    -----
    A cluster isn't an error as such: frames of a series are near copies, too. Look at them before
    you drop any. Copies that are rotated, and most that are cropped by 3 % a side or more, are
    found by an ``embedding`` only. Of more than a million near pairs, ``pairs_`` lists further ones
    only as far as they connect clusters.

    *blurry* is measured at the scale of the pixels: the same picture, stored with twice the pixels
    a side, looks blurrier. Compare groups by it only where their images have like sizes; else
    bring them to one size first. Where contrast is so low that differences drown in rounding, its
    score is NaN; look at the scores of *low_information* and *blank* there.

    References
    ----------
    Barz, B. and Denzler, J. (2020). Do we train on test data? Purging CIFAR of near-duplicates.
    Journal of Imaging 6(6). https://doi.org/10.3390/jimaging6060041

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images[:40].copy()
    >>> images[3] = images[20]
    >>> images[5] = 0
    >>> check = ImageHealthCheck(near=False).fit(images, splits=["train"] * 30 + ["test"] * 10)
    >>> check.summary_.loc[["blank", "exact_duplicate"], "n"].tolist()
    [1, 2]
    >>> check.pairs_[["row_a", "row_b", "kind"]].values.tolist()
    [[3, 20, 'exact']]
    >>> 20 in check.drop_duplicates()
    False
    """

    def __init__(
        self,
        *,
        sensitive_features: ColumnSpec | None = None,
        image_column: str | int | None = None,
        channels: Channels = "auto",
        value_range: tuple[float, float] | None = None,
        max_pixels: int | None = MAX_PIXELS,
        thresholds: Mapping[str, float | None] | None = None,
        near: bool = True,
        hash_method: HashMethod = "phash",
        max_distance: int = MAX_DISTANCE,
        min_similarity: float = MIN_SIMILARITY,
        mirrored: bool = True,
        embedding: Callable[[Pixels], Any] | None = None,
        max_embedding_distance: float = 0.05,
        n_examples: int = 8,
        confidence_level: float = 0.95,
        missing: Missing = "group",
        n_jobs: int | None = None,
    ) -> None:
        self.sensitive_features = sensitive_features
        self.image_column = image_column
        self.channels = channels
        self.value_range = value_range
        self.max_pixels = max_pixels
        self.thresholds = thresholds
        self.near = near
        self.hash_method = hash_method
        self.max_distance = max_distance
        self.min_similarity = min_similarity
        self.mirrored = mirrored
        self.embedding = embedding
        self.max_embedding_distance = max_embedding_distance
        self.n_examples = n_examples
        self.confidence_level = confidence_level
        self.missing = missing
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sensitive_features: Any = None,
        splits: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Read and measure all images.

        Parameters
        ----------
        X : array of shape (n, h, w), (n, h, w, c) or (n, c, h, w), sequence, or table
            Images, or paths of their files, which are read one by one. A table has them in
            ``image_column``.
        y : array-like of shape (n,), default=None
            Labels of classes.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor names no columns.
        splits : array-like of shape (n,), default=None
            Which split an image is in, as "train", "validation" and "test".
        sample_weight : array-like of shape (n,), default=None
            Sampling weights, of all shares and intervals; issues and numbers of images don't hang
            on them.

        Returns
        -------
        ImageHealthCheck
            Itself.
        """
        self._check_parameters()
        images = Images.of(
            self._find_images(X),
            channels=self.channels,
            value_range=self.value_range,
            max_pixels=self.max_pixels,
        )
        groups = self._given_groups(X, sensitive_features, len(images))
        named = None if splits is None else Groups.read(as_column(splits, "splits"))
        labels = None if y is None else _read_labels(y)
        check_same_length(X=images, y=labels, splits=named)
        weights = check_weights(sample_weight, len(images))
        measured = measure_images(
            images, method=self.hash_method, embedding=self.embedding, n_jobs=self.n_jobs
        )
        refuse_if_unreadable(measured.reasons, images)
        copies = find_copies(
            measured,
            near=self.near,
            max_distance=self.max_distance,
            min_similarity=self.min_similarity,
            mirrored=self.mirrored,
            max_embedding_distance=self.max_embedding_distance if self.embedding else None,
            n_jobs=self.n_jobs,
        )
        self.n_images_, self.is_weighted_ = len(images), weights is not None
        self.measures_ = measured.table
        self.reasons_ = name_reasons(measured.reasons, images)
        self.pairs_, self._exact, self.clusters_ = copies
        self.scores_, self.thresholds_ = find_issues(measured, self.thresholds)
        for name, score in zip(COPIES, copy_scores(copies), strict=True):
            self.scores_[name], self.thresholds_[name] = score, 0.0
        self.issues_ = list_issues(self.scores_, self.thresholds_)
        marks = {name: self.scores_[name].to_numpy() > at for name, at in self.thresholds_.items()}
        self.summary_ = self._summarise(marks, weights)
        self._splits = None if named is None else np.asarray(named.to_values(), dtype=object)
        self._describe(marks, labels, groups, named, weights)
        self.copies_ = copies_table(copies, named, groups, None if y is None else as_column(y, "y"))
        self.label_conflicts_ = conflicting(self.copies_, self.clusters_)
        self.examples_ = pick_examples(self, images, self.n_examples, named, labels)
        return self

    def drop_duplicates(
        self,
        *,
        near: bool = True,
        prefer: Any = None,
        conflicts: Literal["warn", "keep", "drop"] = "warn",
    ) -> NDArray[np.intp]:
        """Rows to keep, so that one image of each cluster of copies is left.

        Images that can't be read are no copies and stay: drop the rows of ``reasons_``.

        Parameters
        ----------
        near : bool, default=True
            Whether near copies are dropped, or exact ones only.
        prefer : str or sequence, default=None
            A split, or splits by preference: ``["test", "validation", "train"]`` leaves the test
            set whole but for copies within it.
        conflicts : {"warn", "keep", "drop"}, default="warn"
            Of clusters whose images have different labels, one image stays with the label that it
            has, with or without a warning, or none stays.

        Returns
        -------
        rows : ndarray of int
            Sorted. Of each cluster the image in the split that comes first in ``prefer``; among
            those the one with most pixels; among those the first.

        Warns
        -----
        UserWarning
            If labels of copies differ.
        """
        check_is_fitted(self)
        check_option("conflicts", conflicts, ("warn", "keep", "drop"))
        sizes = (self.measures_["height"] * self.measures_["width"]).to_numpy()
        clusters = self.clusters_ if near else self._exact
        prefer = [prefer] if isinstance(prefer, str) else prefer
        kept = choose_kept(clusters, sizes, self._splits, prefer)
        found = conflicting(self.copies_, clusters)
        if conflicts == "warn" and len(found):
            warnings.warn(
                f"{len(found)} clusters of copies have different labels, and the image that is "
                "kept keeps its own: look at copies_, or drop all of them with conflicts='drop' "
                "(conflicts='keep' is silent)",
                UserWarning,
                stacklevel=2,
            )
        return kept[~np.isin(clusters[kept], found)] if conflicts == "drop" else kept

    def clusters_by_kind(self) -> dict[str, NDArray[np.int64]]:
        """Clusters of exact copies, and those of ``clusters_`` that near copies connect.

        Returns
        -------
        dict of str to ndarray of int of shape (n,)
            By issue, "exact_duplicate" and "near_duplicate"; -1 for other images.
        """
        check_is_fitted(self)
        copies = Copies(self.pairs_, self._exact, self.clusters_)
        return dict(zip(COPIES, (self._exact, near_clusters(copies)), strict=True))

    def report(self) -> str:
        """Summarise in plain text."""
        check_is_fitted(self)
        return write_text(self)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Write a page that holds all tables and, if Pillow is there, small pictures.

        The page loads nothing and runs nothing; every text in it is escaped.

        Parameters
        ----------
        path : str or path, default=None
            File to write it to.

        Returns
        -------
        str
        """
        check_is_fitted(self)
        page = write_html(self)
        if path is not None:
            Path(path).write_bytes(page.encode("utf-8"))
        return page

    def plot(self, issues: str | Sequence[str] | None = None) -> ImageIssuesDisplay:
        """Draw examples of each issue, the worst first, and of copies a cluster a line.

        Parameters
        ----------
        issues : str or sequence of str, default=None
            Which issues, "label_conflict" (copies with different labels) among them; all that were
            found by default.

        Returns
        -------
        ImageIssuesDisplay
        """
        check_is_fitted(self)
        known = [*self.summary_.index, CONFLICT]
        chosen = known if issues is None else issues
        chosen = [chosen] if isinstance(chosen, str) else list(chosen)
        for issue in chosen:
            check_option("issues", issue, known)
        examples = [example for example in self.examples_ if example.issue in chosen]
        return ImageIssuesDisplay(examples=examples).plot()

    def _check_parameters(self) -> None:
        check_thresholds(self.thresholds)
        check_option("hash_method", self.hash_method, get_args(HashMethod))
        check_option("missing", self.missing, ("group", "raise"))
        check_count("max_distance", self.max_distance, least=0, most=64)
        check_share("min_similarity", self.min_similarity)
        check_number("max_embedding_distance", self.max_embedding_distance, above=0)
        check_count("n_examples", self.n_examples, least=0)
        check_share("confidence_level", self.confidence_level, ends=False)

    def _find_images(self, X: Any) -> Any:
        if self.image_column is not None:
            return list(select_column(X, self.image_column)[1])
        if is_frame(X):
            raise ValueError(
                "X is a table: name the column that holds images or paths, image_column="
            )
        return X

    def _given_groups(self, X: Any, sensitive_features: Any, n: int) -> Groups | None:
        if self.sensitive_features is None and sensitive_features is None:
            return None
        if self.sensitive_features is None:
            groups = Groups.read(sensitive_features, missing=self.missing)
        else:
            groups = self._read_groups(X, sensitive_features)
        check_same_length(X=range(n), sensitive_features=groups)
        return groups

    def _summarise(self, marks: Marks, weights: Any) -> pd.DataFrame:
        own = np.ones(self.n_images_) if weights is None else weights
        share = {name: float(divide(own @ marked, own.sum())) for name, marked in marks.items()}
        n = {name: int(marked.sum()) for name, marked in marks.items()}
        table = pd.DataFrame({"n": n, "share": share, "threshold": self.thresholds_})
        for name, found in self.clusters_by_kind().items():
            n_clusters = len(np.unique(found[found >= 0]))
            table.loc[name, "n_clusters"] = n_clusters
            table.loc[name, "n_superfluous"] = int((found >= 0).sum()) - n_clusters
        table.index.name = "issue"
        return table

    def _describe(
        self,
        marks: Marks,
        labels: Groups | None,
        groups: Groups | None,
        splits: Groups | None,
        weights: Any,
    ) -> None:
        level = self.confidence_level
        self.balance_ = balance_table(labels, groups, weights, level)
        self.by_group_ = self.by_class_ = self.across_splits_ = None
        if groups is not None:
            self.by_group_ = shares_by_group(marks, groups, weights, level)
        if labels is not None:
            by_class = shares_by_group(marks, labels, weights, level)
            self.by_class_ = by_class.rename(columns={"group": "class"})
        if splits is not None:
            self.across_splits_ = copies_across_splits(self.clusters_, splits, weights, level)


def _read_labels(y: Any) -> Groups:
    (codes,), classes = encode_labels(("y", as_column(y, "y")))
    return Groups(codes, classes, ("class",))
