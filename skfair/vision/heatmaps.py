"""Heatmaps: where a network looks, in which group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skfair._utils.optional import import_optional
from skfair._utils.text import listed
from skfair._utils.validation import (
    as_column,
    check_any_weight,
    check_count,
    check_number,
    check_option,
    check_same_length,
    check_share,
    check_weights,
    generator,
)
from skfair._utils.warning import warn_undefined_metric
from skfair.base import SensitiveFeaturesMixin
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.vision._attention import METHODS, OF_LAYERS, MapMethod, map_makers
from skfair.vision._explained import (
    ExplainedNetwork,
    as_images,
    choose_layers,
    frozen_in_place,
    predicted_classes,
)
from skfair.vision._map_sums import MapSums
from skfair.vision._map_tables import Cells, attention_table, comparison_table, distance_table
from skfair.vision._regions import Masks, read_regions
from skfair.vision.heatmap_displays import HeatmapsDisplay

Floats = NDArray[np.floating]


class Heatmaps(SensitiveFeaturesMixin, BaseEstimator):
    r"""Where a network looks: mean heatmaps by group and class, and the share in a region.

    A heatmap tells which pixels the score of a class hangs on. Each image's map is divided by its
    sum, so it says how attention is spread, and maps are averaged by group and class. A network
    that looks at another place for another group, at the background or at a corner instead of the
    object, has learnt something else than the object.

    The distance of two groups' mean maps is their total variation, the share of attention that
    lies elsewhere,

    .. math:: D = \tfrac 1 2 \sum_i |\bar m_{a,i} - \bar m_{b,i}|,

    on a grid of at most ``grid`` x ``grid`` cells. Its p-value permutes groups within classes, so
    classes that are more frequent in one group make no distance.

    Parameters
    ----------
    net : torch.nn.Module, or fitted skorch net, neural estimator or Pipeline that ends with one
        The network, bare or in ``FrozenEstimator``. It is left as it is: modes, hooks, gradients.
    sensitive_features : callable, default=None
        Gives the groups of X; or pass ``sensitive_features=`` to fit. Not needed.
    method : {"integrated_gradients", "occlusion", "grad_cam", "hires_cam"}, \
            default="integrated_gradients"
        Integrated gradients add up the score's gradient on the way from ``baseline`` to the image,
        of which the absolute value is taken; occlusion hides a square and takes how much the score
        falls. Grad-CAM weighs the maps of a layer by the mean gradient of the score, HiResCAM by
        the gradient at each place; they are quick, and as coarse as the layer's maps.
    layers : str or list of str, default=None
        Names of the layers for Grad-CAM and HiResCAM, as ``net.named_modules()`` tells them. None:
        the last convolution whose maps have more than one pixel.
    target : {"auto", "label", "predicted"}, default="auto"
        The class whose score is explained: that of y, or the predicted one. "auto": that of y
        where y is given.
    classes : sequence, default=None
        Classes in the order of the network's outputs, where a bare module has others than
        0, 1, ... or y holds not all of them.
    output : {"auto", "logits", "probabilities"}, default="auto"
        What a single output is, where classes are predicted. "auto": as the loss of the net or the
        network itself tells.
    baseline : float, default=None
        Value of pixels that show nothing. None: the mean colour of X.
    n_steps : int, default=32
        Steps of integrated gradients.
    window, stride : int, default=None
        Side of the square of occlusion and how far it moves, in pixels. None: a sixth of the
        shorter side, and half the window.
    grid : int, default=8
        Most cells along a side of the maps that are kept of each image, for the distances.
    n_permutations : int, default=999
        Number of permutations.
    confidence_level : float, default=0.95
        Of the intervals.
    batch_size : int, default=64
        Images that pass the network at once.
    device : str, default=None
        Where the network runs, "auto" for the best there is. None: where it is; elsewhere a copy
        of it runs.
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form the group ``"<missing>"``, or are refused.
    random_state : int, RandomState, Generator or None, default=None
        Draws the permutations.

    Attributes
    ----------
    maps_ : ndarray of shape (n_layers, n_groups, n_classes, height, width)
        Mean maps, which sum to 1; NaN for a cell without a map.
    pictures_ : ndarray of shape (n_groups, n_classes, height, width)
        Mean brightness of the images.
    group_labels_ : tuple
    classes_ : list
        Classes among the images: of y, or predicted where y isn't given.
    layer_names_ : list of str
        ``["input"]`` for the methods that take no layer.
    distances_ : DataFrame
        A line for each two groups in each class, and "all" for their mean over classes: ``layer``,
        ``of`` ("map", or a region, whose shares are compared), ``class``, ``group_a``,
        ``group_b``, ``distance``, ``expected`` (its mean under permutation), ``pvalue``,
        ``adjusted_pvalue`` (Holm's, within layer and ``of``).
    attention_ : DataFrame
        Share of attention in each region by group and class, and "all": ``layer``, ``region``,
        ``group``, ``class``, ``n`` images, ``n_undefined`` (maps that are 0 all over), ``area``
        (share of the pixels, which even attention would give), ``share``, ``low``, ``high``.
    shares_ : DataFrame of n rows
        Share of each image's attention, by layer and region; NaN where undefined.

    Raises
    ------
    NotFittedError
        If ``net`` isn't fitted.
    ValueError
        If no layer can be taken by default, or the one that is named isn't there or gives no maps
        (the message names those that do); if X is no array of images that the network takes, has
        NaN, or lengths differ; if y has a class that the network doesn't know.
    ImportError
        If torch or captum is missing.

    Warns
    -----
    UndefinedMetricWarning
        If groups are given and there is only one, or a cell of group and class has no map.

    Notes
    -----
    Grad-CAM's mean gradient suits networks that average their last maps over the image. Where a
    network flattens them, a place has weights of its own, and HiResCAM or a method without layers
    is the one to trust. A region that is smaller than a pixel of the layer's maps is smeared by
    both.

    References
    ----------
    Draelos, R. L. and Carin, L. (2020). Use HiResCAM instead of Grad-CAM for faithful explanations
    of convolutional neural networks. https://doi.org/10.48550/arXiv.2011.08891
    Selvaraju, R. R. et al. (2017). Grad-CAM: visual explanations from deep networks via
    gradient-based localization. ICCV. https://doi.org/10.1109/ICCV.2017.74
    Sundararajan, M., Taly, A. and Yan, Q. (2017). Axiomatic attribution for deep networks. ICML.
    https://doi.org/10.48550/arXiv.1703.01365
    Zeiler, M. D. and Fergus, R. (2014). Visualizing and understanding convolutional networks.
    ECCV. https://doi.org/10.1007/978-3-319-10590-1_53

    Examples
    --------
    >>> import torch
    >>> from skfair.datasets import make_colored_digits
    >>> digits = make_colored_digits(40, cue="patch", random_state=0)
    >>> _ = torch.manual_seed(0)
    >>> net = torch.nn.Sequential(
    ...     torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(400, 2)
    ... )
    >>> maps = Heatmaps(net, n_permutations=99, random_state=0)
    >>> regions = {"corner": (0, 0, 2, 2), "cue": digits.cue_mask}
    >>> _ = maps.fit(
    ...     digits.images, digits.target, sensitive_features=digits.groups, regions=regions
    ... )
    >>> maps.layer_names_, maps.maps_.shape
    (['input'], (1, 2, 2, 12, 12))
    >>> maps.attention_["region"].unique().tolist()
    ['corner', 'cue']
    """

    def __init__(
        self,
        net: Any,
        *,
        sensitive_features: ColumnSpec | None = None,
        method: MapMethod = "integrated_gradients",
        layers: str | Sequence[str] | None = None,
        target: str = "auto",
        classes: Sequence[Any] | None = None,
        output: str = "auto",
        baseline: float | None = None,
        n_steps: int = 32,
        window: int | None = None,
        stride: int | None = None,
        grid: int = 8,
        n_permutations: int = 999,
        confidence_level: float = 0.95,
        batch_size: int = 64,
        device: str | None = None,
        missing: Missing = "group",
        random_state: Any = None,
    ) -> None:
        self.net = net
        self.sensitive_features = sensitive_features
        self.method = method
        self.layers = layers
        self.target = target
        self.classes = classes
        self.output = output
        self.baseline = baseline
        self.n_steps = n_steps
        self.window = window
        self.stride = stride
        self.grid = grid
        self.n_permutations = n_permutations
        self.confidence_level = confidence_level
        self.batch_size = batch_size
        self.device = device
        self.missing = missing
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sensitive_features: Any = None,
        regions: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Make the heatmaps of all images, batch by batch, and compare them.

        Parameters
        ----------
        X : array of shape (n, channels, h, w) or (n, h, w)
            Images as the network takes them.
        y : array-like of shape (n,), default=None
            Labels of classes. None: cells are of predicted classes.
        sensitive_features : array-like of shape (n,) or (n, k), default=None
            Groups, where the constructor names none.
        regions : box, mask, or mapping of str to these, default=None
            Where attention is counted: a box (top, left, bottom, right) in pixels, the last two
            not included; a mask of shape (h, w), or (n, h, w) with one for each image.
        sample_weight : array-like of shape (n,), default=None
            Sampling weights.

        Returns
        -------
        Heatmaps
            Itself.
        """
        self._check_parameters()
        import_optional("torch", extra="nn", purpose="Heatmaps")
        import_optional("captum.attr", extra="explain", purpose="Heatmaps")
        X = as_images(X)
        groups = self._given_groups(X, sensitive_features)
        labels = None if y is None else as_column(y, "y")
        check_same_length(X=X, y=labels)
        weights = check_weights(sample_weight, len(X))
        check_any_weight(weights)
        network = ExplainedNetwork(self.net, X, self.device, self.classes)
        masks = read_regions(regions, len(X), (network.shape[-2], network.shape[-1]))
        with frozen_in_place(network.module):
            cells, targets = self._cells(network, X, labels, groups, weights)
            self.layer_names_ = self._choose_layers(network, X)
            sums = self._sum_up(network, X, cells, targets, masks)
        self._keep(sums, cells)
        return self

    def compare(self, after: Heatmaps) -> pd.DataFrame:
        """Compare the shares of attention in regions with those of another network, image by image.

        Parameters
        ----------
        after : Heatmaps
            Fitted to the same images with the same labels, groups, weights and regions: of the
            debiased network, say.

        Returns
        -------
        DataFrame
            ``layer`` (of this one; layers are compared by position), ``region``, ``group``,
            ``class``, ``n`` images with shares in both, ``before``, ``after``, their
            ``difference`` with Student's interval ``low`` to ``high``, and the ``pvalue`` of
            exchanging before and after at random.

        Raises
        ------
        ValueError
            If images, labels, groups, weights, regions or the number of layers differ, or there
            are no regions.
        """
        check_is_fitted(self)
        check_is_fitted(after)
        mine, other = self._cells_of_rows, after._cells_of_rows
        same = (
            np.array_equal(mine.flat, other.flat)
            and mine.groups.labels == other.groups.labels
            and mine.classes == other.classes
            and np.array_equal(mine.weights, other.weights)
        )
        if not same:
            raise ValueError(
                "both must be fitted to the same images, with the same groups, weights and labels "
                "(give y, since predicted classes differ)"
            )
        if not self.regions_:
            raise ValueError("there is no region to compare: fit both with regions=")
        if self.regions_.keys() != after.regions_.keys() or not all(
            np.array_equal(mask, after.regions_[name]) for name, mask in self.regions_.items()
        ):
            raise ValueError("both must be fitted with the same regions")
        if len(self.layer_names_) != len(after.layer_names_):
            raise ValueError(
                f"layers are compared by position, and there are {listed(self.layer_names_)} and "
                f"{listed(after.layer_names_)}"
            )
        return comparison_table(
            self._shares,
            after._shares,
            self.layer_names_,
            list(self.regions_),
            mine,
            confidence_level=self.confidence_level,
            n_permutations=self.n_permutations,
            rng=generator(self.random_state),
        )

    def plot(self, layer: str | None = None) -> HeatmapsDisplay:
        """Draw the mean maps over the mean pictures: a line a group, a column a class.

        Parameters
        ----------
        layer : str, default=None
            Of which layer; the first by default.

        Returns
        -------
        HeatmapsDisplay
        """
        check_is_fitted(self)
        layer = self.layer_names_[0] if layer is None else layer
        check_option("layer", layer, self.layer_names_)
        return HeatmapsDisplay(
            maps=self.maps_[self.layer_names_.index(layer)],
            pictures=self.pictures_,
            group_labels=list(self.group_labels_),
            class_labels=self.classes_,
            counts=self._counts,
            regions={name: mask for name, mask in self.regions_.items() if mask.ndim == 2},
        ).plot()

    def _check_parameters(self) -> None:
        check_option("method", self.method, METHODS)
        check_option("target", self.target, ("auto", "label", "predicted"))
        check_option("output", self.output, ("auto", "logits", "probabilities"))
        check_option("missing", self.missing, ("group", "raise"))
        check_count("n_steps", self.n_steps)
        for name in ("window", "stride"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))
        check_count("grid", self.grid)
        check_count("n_permutations", self.n_permutations)
        check_count("batch_size", self.batch_size)
        check_share("confidence_level", self.confidence_level, ends=False)
        if self.baseline is not None:
            check_number("baseline", abs(self.baseline))
        if self.layers is not None and self.method not in OF_LAYERS:
            raise ValueError(f"layers are for {listed(OF_LAYERS)}; method is {self.method!r}")

    def _given_groups(self, X: Any, sensitive_features: Any) -> Groups:
        self._has_groups = self.sensitive_features is not None or sensitive_features is not None
        if not self._has_groups:
            return Groups.single(len(X))
        return self._read_groups(X, sensitive_features)

    def _cells(
        self, network: ExplainedNetwork, X: Any, labels: Any, groups: Groups, weights: Any
    ) -> tuple[Cells, NDArray[np.intp]]:
        """Find each image's cell, and the class whose score is explained."""
        if labels is None and self.target == "label":
            raise ValueError('target="label" needs y')
        known = None if labels is None else network.code_labels(labels)
        if known is None or self.target == "predicted":
            targets = predicted_classes(network, X, self.batch_size, self.output)
        else:
            targets = known
        codes = targets if known is None else known
        found, codes = np.unique(codes, return_inverse=True)
        names = np.arange(network.n_classes) if network.classes is None else network.classes
        ones = np.ones(len(X)) if weights is None else weights / weights.mean()
        return Cells(groups, codes, np.asarray(names)[found].tolist(), ones), targets

    def _choose_layers(self, network: ExplainedNetwork, X: Any) -> list[str]:
        if self.method not in OF_LAYERS:
            return ["input"]
        return choose_layers(network, network.images(X, np.arange(1)), self.layers)

    def _sum_up(
        self,
        network: ExplainedNetwork,
        X: Any,
        cells: Cells,
        targets: NDArray[np.intp],
        masks: Masks,
    ) -> MapSums:
        """Make all maps, batch by batch."""
        import torch

        size = (network.shape[-2], network.shape[-1])
        n_cells = cells.groups.n_groups * len(cells.classes)
        sums = MapSums(len(self.layer_names_), n_cells, len(X), size, self.grid, masks)
        makers = map_makers(
            self.method,
            network,
            self.layer_names_,
            baseline=self._baseline(network, X),
            n_steps=self.n_steps,
            window=self._window(size),
            stride=min(self.stride or max(self._window(size) // 2, 1), self._window(size)),
            batch_size=self.batch_size,
        )
        flat = cells.flat
        for rows, images in network.blocks(X, self.batch_size):
            own = (flat[rows], cells.weights[rows])
            sums.add_pictures(images, *own)
            classes = torch.from_numpy(targets[rows]).to(network.device)
            for i, make in enumerate(makers):
                maps = make(network.place(images), classes)
                if not bool(torch.isfinite(maps).all()):
                    raise ValueError(
                        f"the heatmap of an image among rows {rows[0]} to {rows[-1]} is NaN or "
                        "infinite: look at what the network gives there"
                    )
                sums.add(i, rows, maps, *own)
        return sums

    def _window(self, size: tuple[int, int]) -> int:
        return min(self.window or max(min(size) // 6, 1), *size)

    def _baseline(self, network: ExplainedNetwork, X: Any) -> Any:
        """Make the image that shows nothing, of shape (1, channels, 1, 1) or (1, 1, 1)."""
        channels = network.shape[:-2]
        if self.baseline is not None or self.method in OF_LAYERS:
            colour = np.full(channels, self.baseline or 0.0)
        else:
            total = np.zeros(channels)
            for _, images in network.blocks(X, self.batch_size):
                total += images.mean(axis=(-2, -1)).sum(axis=0)
            colour = total / len(X)
        first = network.images(X, np.arange(1))
        return network.place(np.asarray(colour, dtype=first.dtype).reshape(1, *channels, 1, 1))

    def _keep(self, sums: MapSums, cells: Cells) -> None:
        """Set what fit has found."""
        groups, classes = cells.groups, cells.classes
        shape = (groups.n_groups, len(classes))
        maps, pictures = sums.means()
        size = maps.shape[-2:]
        self.maps_ = maps.reshape(len(maps), *shape, *size)
        self.pictures_ = pictures.reshape(*shape, *size)
        self.group_labels_, self.classes_ = groups.labels, classes
        self.regions_, self._shares, self._cells_of_rows = sums.regions, sums.shares, cells
        counted = cells.flat[cells.weights > 0]
        self._counts = np.bincount(counted, minlength=shape[0] * shape[1]).reshape(shape)
        columns = pd.MultiIndex.from_product(
            [self.layer_names_, list(sums.regions)], names=["layer", "region"]
        )
        self.shares_ = pd.DataFrame(
            sums.shares.reshape(len(columns), cells.weights.size).T, columns=columns
        )
        self.attention_ = attention_table(sums, self.layer_names_, cells, self.confidence_level)
        rng = generator(self.random_state)
        self.distances_ = distance_table(sums, self.layer_names_, cells, self.n_permutations, rng)
        self._warn_of_gaps()

    def _warn_of_gaps(self) -> None:
        empty = np.isnan(self.maps_[:, :, :, 0, 0]).any(axis=0)
        notes = []
        if empty.any():
            named = [
                (self.group_labels_[g], self.classes_[c]) for g, c in np.argwhere(empty).tolist()
            ]
            notes.append(f"no map of (group, class) {listed(named)}: no images, or maps that are 0")
        if self._has_groups and len(self.group_labels_) == 1:
            notes.append(f"there is one group only, {self.group_labels_[0]!r}, so no distance")
        if notes:
            warn_undefined_metric("; ".join(notes))
