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
    is_number,
)
from skfair.base import BaseResamplingMitigator, Resampled, round_to_total
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.tally import count_cells
from skfair.vision._copied import as_floats, draw_sources, find_range, read_images
from skfair.vision._growth import cell_growth, cell_operations

Floats = NDArray[np.float64]

_NUMBERS_AT_ONCE = 1 << 22


class TargetedAugmenter(BaseResamplingMitigator):
    r"""Give each cell of group and label as many changed copies of its images as it lacks.

    Augmentation that treats all images alike leaves a rare group rare. Here a cell of
    :math:`n_c` images that should have :math:`T_c` gets :math:`T_c - n_c` copies, each of another
    of its images as far as they go. The images come first, then the copies.

    Images are turned, moved, lit or covered at random. If only copies were, a rare cell could be
    told by the change itself, its blur or its light, so that a network learns a new shortcut. So
    by default each row, image or copy, is changed with the same chance, the share of copies among
    all rows, :math:`1 - \sum n_c / \sum T_c`.

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
        Of X, gives the groups; None: pass ``sensitive_features=`` to fit.
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
        shares; shares as they are, which is augmentation that is not targeted; or a dict from
        (group, label) to whole numbers, which are sizes, or fractions, factors of the present size.
        A group of several features is a tuple. Cells that a dict doesn't name stay as they are.
    size : int, float or None, default=None
        How many images there should be afterwards: a whole number, or a fraction as a factor
        (1.5). Cells that lack most get copies first; where all have what they should, all grow.
        None: the least with which the strategy is met.
    change : {"all", "copies"}, default="all"
        What ``fit_resample`` changes: images and copies with the same chance, or each copy, and
        images stay as they are. Batches are changed as by ``"all"``.
    value_range : tuple of 2 floats, default=None
        Black and white: the unit of brightness and noise, and where values of copies are cut. None:
        of unsigned integers that of their type; of floats 0 to 1 if they are such, else the
        smallest to the largest.
    padding : {"edge", "reflect", "black"}, default="edge"
        What lies beyond the borders of images.
    missing : {"group", "raise"}, default="group"
        Images without a sensitive value form a group of their own, or are refused.
    device : str, default="auto"
        Where ``fit_resample`` makes copies: a device of torch; ``"auto"``: cuda, mps or cpu.
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

    Notes
    -----
    With sampling weights, sizes are sums of weights, scaled to the number of images, and cells grow
    by factors of them. Images of weight 0 count as none and are not copied.

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
        shape = (groups.n_groups, len(classes))
        growth = self._growth(groups.codes, labels, sample_weight, groups.labels, classes)
        counted = None if sample_weight is None else (sample_weight > 0).astype(float)
        present = count_cells([groups.codes, labels], shape, counted)[0]
        wanted = present * growth
        if self.size is None:
            copies = (np.rint(wanted) - present).astype(np.int64)
        else:
            missing = wanted - present
            copies = round_to_total(missing, round(missing.sum()))
        cells = groups.codes.astype(np.intp) * len(classes) + labels
        rng = generator(self.random_state)
        sources = draw_sources(cells, copies.ravel(), sample_weight, rng)
        rows = np.concatenate([np.arange(len(images)), sources])
        drawn = rows if self.change == "all" else sources
        chance = len(sources) / len(drawn) if len(drawn) else 0.0
        change = self._augmentation(images, groups.labels, classes, np.full(shape, chance))
        made = self._make(images, drawn, cells, change, int(rng.integers(np.iinfo(np.int32).max)))
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
            For the reasons for which ``fit_resample`` does; but empty cells stay empty.
        """
        if self.estimator is not None:
            raise ValueError("a TargetedAugmenter that changes batches has no estimator of its own")
        growth = self._growth(codes, y, weights, groups, classes, strict=False)
        shape = (len(groups), len(classes))
        sizes = count_cells([codes, y], shape, weights)[0]
        chance = 1 - sizes.sum() / (sizes * growth).sum()  # alike, so that change tells no cell
        change = self._augmentation(read_images(X), groups, classes, np.full(shape, chance))
        n_classes = len(classes)

        def augment(images: Any, labels: Any, members: Any, seed: int) -> Any:
            return change(images, members * n_classes + labels, seed=seed)

        return augment

    def _growth(
        self,
        codes: NDArray[np.integer],
        labels: NDArray[np.integer],
        weights: Floats | None,
        groups: Sequence[Hashable],
        classes: Sequence[Hashable],
        strict: bool = True,
    ) -> Floats:
        n = len(labels)
        sums = count_cells([codes, labels], (len(groups), len(classes)), weights)[0]
        total = self.size
        if total is not None:
            if not is_number(total) or not 0 < total < np.inf:
                raise ValueError(f"size must be a number above 0 or None, got {total!r}")
            total = total if float(total).is_integer() and total > 1 else total * n
        sizes = sums * (n / sums.sum())
        return cell_growth(sizes, self.strategy, total, groups, classes, strict=strict)

    def _augmentation(
        self,
        images: NDArray[Any],
        groups: Sequence[Hashable],
        classes: Sequence[Hashable],
        chances: Floats | None = None,
    ) -> Any:
        from skfair.nn import DEFAULT_OPERATIONS, ImageAugmentation

        given = DEFAULT_OPERATIONS if self.operations is None else self.operations
        if not isinstance(given, Mapping):
            raise ValueError(f"operations must be a mapping, got {given!r}")
        return ImageAugmentation(
            cell_operations(given, DEFAULT_OPERATIONS, groups, classes),
            chances=None if chances is None else chances.ravel().tolist(),
            value_range=find_range(images, self.value_range),
            padding=self.padding,
        )

    def _make(
        self,
        images: NDArray[Any],
        sources: NDArray[np.intp],
        cells: NDArray[np.intp],
        change: Any,
        seed: int,
    ) -> NDArray[Any]:
        """Make changed copies, by blocks, in the type of the images."""
        import torch

        from skfair.nn import device_of

        device = device_of(self.device)
        made = np.empty((len(sources), *images.shape[1:]), dtype=images.dtype)
        step = max(1, _NUMBERS_AT_ONCE // max(1, images[0].size))
        for start in range(0, len(sources), step):
            rows = sources[start : start + step]
            block = torch.from_numpy(as_floats(images[rows])).to(device)
            own = int(np.random.SeedSequence([seed, start]).generate_state(1)[0])
            changed = change(
                block if block.ndim == 4 else block[:, None],
                torch.from_numpy(cells[rows]).to(device),
                seed=own,
            )
            found = changed.reshape(block.shape).cpu().numpy()
            made[start : start + step] = found if images.dtype.kind == "f" else found.round()
        return made


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
