"""TargetedAugmenter: as many changed copies of images as a cell of group and label lacks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets

from skfair._utils.columns import take_rows
from skfair._utils.optional import import_optional
from skfair._utils.validation import (
    check_option,
    check_same_length,
    encode_labels,
    generator,
)
from skfair._utils.warning import warn_user
from skfair.base import BaseResamplingMitigator, Resampled, round_to_total
from skfair.groups import ColumnSpec, Groups, Missing, is_missing_label
from skfair.tally import count_cells
from skfair.vision._copied import draw_sources, find_range, make_copies
from skfair.vision._growth import (
    cell_growth,
    cell_operations,
    read_total,
    total_by_number,
    warn_of_copies,
)
from skfair.vision._pixels import read_images

Floats = NDArray[np.float64]


class TargetedAugmenter(BaseResamplingMitigator):
    r"""Give each cell of group and label as many changed copies of its images as it lacks.

    Augmentation that treats all images alike leaves a rare group rare. Here a cell of
    :math:`n_c` images that should have :math:`T_c` gets :math:`T_c - n_c` copies, each of another
    of its images as far as they go. The images come first, then the copies.

    Images are turned, moved, lit or covered at random. If only copies were, a rare cell could be
    told by the change itself, its blur or its light, so that a network learns a new shortcut. So
    by default each row, image or copy, is changed with the same chance, the share of copies among
    all rows, :math:`1 - \sum n_c / \sum T_c`. So by chance a copy may be its image's exact double,
    and of an image only changed rows may be left.

    There are three ways to use it: ``fit_resample`` makes the rows; around an ``estimator`` it does
    so in ``fit``; and as ``augment=`` of :class:`~skfair.inprocessing.FairNetClassifier`,
    ``AdversarialDebiasedClassifier`` or ``GroupDROClassifier`` it changes images in their training
    batches, ever anew, with the same chance; how many images of a cell a batch holds
    is up to ``batch_sampling``: ``"group_label"`` goes with ``strategy="balance"``.

    Parameters
    ----------
    estimator : estimator, default=None
        Any estimator that takes images; None: a sampler, or for ``augment=``.
    sensitive_features : callable, default=None
        Of X, gives the groups; None: pass ``sensitive_features=`` to fit. As ``augment=``, groups
        are the network's.
    operations : mapping, default=None
        From operations to amounts, as in :func:`skfair.nn.augment_images`: ``"rotate"``,
        ``"flip_horizontal"``, ``"flip_vertical"``, ``"crop"``, ``"zoom"``, ``"translate"``,
        ``"brightness"``, ``"contrast"``, ``"noise"``, ``"cutout"``. Or from cells
        (group, label), groups and labels to such mappings; a cell's own go before its group's, and
        these before its label's. ``(group, None)``, ``(None, label)`` and ``(None, None)`` (all
        others) may be written, too. None, and for cells that nothing names: rotation by up to 10
        degrees, translation, zoom, brightness and contrast by up to a tenth. Whether a mirrored
        image still is what its label says, only you know, so flips have to be asked for.
    strategy : {"balance", "parity", "size", "keep"} or dict, default="balance"
        All cells alike; in every group the overall label shares; groups alike, with their own label
        shares; shares as they are, which is augmentation that is not targeted and needs ``size``;
        or a dict from (group, label) to integers, which are sizes, or floats, factors of the
        present size (2.0 doubles it). A group of several features is a tuple. Cells that a dict
        doesn't name stay as they are.
    size : int, float or None, default=None
        How many images there should be afterwards: an integer, or a float as a factor (1.5). Cells
        that lack most get copies first; where all have what they should, all grow. None: the least
        with which the strategy is met.
    change : {"all", "copies"}, default="all"
        What ``fit_resample`` changes: images and copies with the same chance, or each copy, and
        images stay as they are. With ``"all"`` there are exact doubles, which a check for copies
        finds, and which must not be parted by a split; and some images are in no row unchanged.
        Batches are changed as by ``"all"``.
    value_range : tuple of 2 floats, default=None
        Black and white: the unit of brightness and noise, and where values of copies are cut. None:
        of unsigned integers that of their type; of floats 0 to 1 if they are such, else the
        smallest to the largest.
    padding : {"edge", "reflect", "black"}, default="edge"
        What lies beyond the borders of images.
    missing : {"group", "raise"}, default="group"
        Images without a sensitive value form a group of their own, or are refused. A group of few
        of them gets many copies, which nobody may want: a dict as ``strategy`` leaves it as it is.
    device : str, default="auto"
        Where ``fit_resample`` makes copies: a device of torch; ``"auto"``: cuda, mps or cpu. The
        same seed draws the same amounts on each, but other noise.
    random_state : int, RandomState instance or None, default=None
        Draws copies and amounts. As ``augment=``, the network's random state does.

    Attributes
    ----------
    sample_indices_ : ndarray of int
        Which image each image was: first all in their order, then those of the copies.
    groups_ : Groups
        Of the images after ``fit_resample``.
    sample_weight_ : ndarray of float or None
        Their weights: copies have that of their image.
    cell_sizes_ : DataFrame of shape (2 n_groups, n_classes)
        Numbers of images "before" and "after".
    estimator_ : estimator
        The fitted estimator, if there is one.

    Raises
    ------
    ValueError
        If there are no images to copy in a cell that should grow, an operation or a name is
        unknown, or X holds no images.
    ImportError
        If torch is missing: ``pip install "skfair[nn]"``.

    Warns
    -----
    UserWarning
        If a dict makes a cell more than 20 times as large; if a named strategy copies images
        without a sensitive value; if no cell lacks images, so that nothing would be changed in
        batches.

    Notes
    -----
    With sampling weights, sizes are sums of weights, scaled to the number of images, and cells grow
    by factors of them; ``size`` is a number of images all the same. Images of weight 0 count as
    none and are not copied.

    References
    ----------
    Shorten, C. and Khoshgoftaar, T. M. (2019). A survey on image data augmentation for deep
    learning. Journal of Big Data 6, 60. https://doi.org/10.1186/s40537-019-0197-0

    Examples
    --------
    >>> from skfair.datasets import make_colored_digits
    >>> digits = make_colored_digits(400, bias=0.9, random_state=0)
    >>> augmenter = TargetedAugmenter(operations={"rotate": 15}, random_state=0)
    >>> X, y = augmenter.fit_resample(
    ...     digits.images, digits.target, sensitive_features=digits.groups
    ... )
    >>> X.shape
    (736, 3, 12, 12)
    >>> augmenter.cell_sizes_.loc["after"].to_numpy().tolist()
    [[184, 184], [184, 184]]
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        sensitive_features: ColumnSpec | None = None,
        operations: Mapping[Any, Any] | None = None,
        strategy: str | Mapping[Any, float] = "balance",
        size: float | None = None,
        change: Literal["all", "copies"] = "all",
        value_range: tuple[float, float] | None = None,
        padding: Literal["edge", "reflect", "black"] = "edge",
        missing: Missing = "group",
        device: str = "auto",
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.sensitive_features = sensitive_features
        self.operations = operations
        self.strategy = strategy
        self.size = size
        self.change = change
        self.value_range = value_range
        self.padding = padding
        self.missing = missing
        self.device = device
        self.random_state = random_state

    def _resample(self, X: Any, y: Any, groups: Groups, sample_weight: Floats | None) -> Resampled:
        import_optional("torch", extra="nn", purpose=type(self).__name__)
        check_option("change", self.change, ("all", "copies"))
        images = read_images(X)
        (labels,), classes = encode_labels(("y", y))
        check_classification_targets(y)
        check_same_length(X=images, y=labels, sensitive_features=groups.codes)
        copies = self._copies(groups, labels, sample_weight, classes)
        cells = groups.codes.astype(np.intp) * len(classes) + labels
        rng = generator(self.random_state)
        sources = draw_sources(cells, copies.ravel(), sample_weight, rng)
        rows = np.concatenate([np.arange(len(images)), sources])
        drawn = rows if self.change == "all" else sources
        chance = len(sources) / len(drawn) if len(drawn) else 0.0
        change = self._augmentation(images, groups.labels, classes, chance)
        seed = int(rng.integers(np.iinfo(np.int32).max))
        made = make_copies(images, drawn, cells, change, self.device, seed)
        self.cell_sizes_ = _sizes_table(cells, rows, groups, classes)
        return Resampled(
            made if self.change == "all" else np.concatenate([images, made]),
            _fresh(y, rows),
            Groups(groups.codes[rows], groups.labels, groups.names),
            None if sample_weight is None else sample_weight[rows],
            rows,
        )

    def for_batches(
        self,
        X: NDArray[Any],
        y: NDArray[np.integer],
        codes: NDArray[np.integer],
        weights: Floats | None = None,
        *,
        groups: Sequence[Hashable],
        classes: Sequence[Hashable],
    ) -> Callable[[Any, Any, Any, int], Any]:
        """Make what changes the images of training batches; networks call it.

        Parameters
        ----------
        X : ndarray of shape (n, c, h, w)
            Images to train on.
        y, codes : ndarray of int of shape (n,)
            Codes of labels and of groups.
        weights : ndarray of float of shape (n,), default=None
        groups, classes : sequence
            Labels that the codes stand for.

        Returns
        -------
        callable
            Of images (a tensor), codes of labels and groups and a seed.

        Raises
        ------
        ValueError
            For the reasons for which ``fit_resample`` does, but empty cells stay empty; or if it
            has an estimator or ``sensitive_features`` of its own.
        """
        self._check_for_batches(groups)
        sizes = _sizes(codes, y, weights, (len(groups), len(classes)))
        total = read_total(self.size, len(y), strict=False)  # no copies are made
        growth = cell_growth(sizes, self.strategy, total, groups, classes, strict=False)
        chance = 1 - sizes.sum() / (sizes * growth).sum()  # alike, so that change tells no cell
        if chance < 1e-9:
            warn_user(
                "no cell lacks images, so the chance of a change is 0, and batches stay as they "
                "are: size=1.5 makes it a third"
            )
        change = self._augmentation(read_images(X), groups, classes, chance)
        n_classes = len(classes)

        def augment(images: Any, labels: Any, members: Any, seed: int) -> Any:
            return change(images, members * n_classes + labels, seed=seed)

        return augment

    def _check_for_batches(self, groups: Sequence[Hashable]) -> None:
        if self.estimator is not None:
            raise ValueError("a TargetedAugmenter that changes batches has no estimator of its own")
        if self.sensitive_features is not None:
            raise ValueError(
                "a TargetedAugmenter that changes batches has no sensitive_features of its own: "
                "give them to the network, or to its fit"
            )
        if self.missing == "raise" and any(map(is_missing_label, groups)):
            raise ValueError('sensitive features have missing values, and missing="raise"')

    def _copies(
        self, groups: Groups, labels: NDArray[Any], weights: Floats | None, classes: Sequence[Any]
    ) -> NDArray[np.int64]:
        """Find how many copies each cell gets, (n_groups, n_classes)."""
        shape, n = (groups.n_groups, len(classes)), len(labels)
        names = (groups.labels, classes)
        sizes = _sizes(groups.codes, labels, weights, shape)
        counted = None if weights is None else (weights > 0).astype(float)
        present = count_cells([groups.codes, labels], shape, counted)[0]
        total = read_total(self.size, n)
        if total is None or weights is None:
            growth = cell_growth(sizes, self.strategy, total, *names)
        else:
            by_number = total_by_number(sizes, present, self.strategy, total - n, *names)
            growth = cell_growth(sizes, self.strategy, by_number, *names)
        missing = present * (growth - 1)
        if total is None:
            copies = (np.rint(present * growth) - present).astype(np.int64)
        else:
            copies = round_to_total(missing, round(total) - n)
        warn_of_copies(present, copies, self.strategy, *names)
        return copies

    def _augmentation(
        self,
        images: NDArray[Any],
        groups: Sequence[Hashable],
        classes: Sequence[Hashable],
        chance: float,
    ) -> Any:
        from skfair.nn import DEFAULT_OPERATIONS, ImageAugmentation

        given = DEFAULT_OPERATIONS if self.operations is None else self.operations
        if not isinstance(given, Mapping):
            raise ValueError(f"operations must be a mapping, got {given!r}")
        return ImageAugmentation(
            cell_operations(given, DEFAULT_OPERATIONS, groups, classes),
            chances=[chance] * (len(groups) * len(classes)),
            value_range=find_range(images, self.value_range),
            padding=self.padding,
        )


def _sizes(
    codes: NDArray[Any], labels: NDArray[Any], weights: Floats | None, shape: tuple[int, int]
) -> Floats:
    """Sum up weights by cell, scaled to the number of images."""
    sums = count_cells([codes, labels], shape, weights)[0]
    return np.asarray(sums * (len(labels) / sums.sum()))


def _fresh(y: Any, rows: NDArray[np.intp]) -> Any:
    taken = take_rows(y, rows)
    return taken.reset_index(drop=True) if isinstance(taken, pd.Series | pd.DataFrame) else taken


def _sizes_table(
    cells: NDArray[np.intp], rows: NDArray[np.intp], groups: Groups, classes: Sequence[Hashable]
) -> pd.DataFrame:
    shape = (groups.n_groups, len(classes))
    tables = [
        pd.DataFrame(
            np.bincount(found, minlength=shape[0] * shape[1]).reshape(shape),
            index=groups.to_index(),
            columns=list(classes),
        )
        for found in (cells, cells[rows])
    ]
    return pd.concat(tables, keys=["before", "after"], names=["rows"])
