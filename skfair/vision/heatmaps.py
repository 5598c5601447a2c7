"""Heatmaps: where a network looks, in which group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skfair._utils.optional import import_optional
from skfair._utils.validation import (
    as_column,
    check_any_weight,
    check_count,
    check_option,
    check_same_length,
    check_share,
    check_weights,
    generator,
)
from skfair.base import SensitiveFeaturesMixin
from skfair.groups import ColumnSpec, Groups, Missing
from skfair.vision._attention import MapMethod
from skfair.vision._explained import ExplainedNetwork, frozen_in_place, network_images
from skfair.vision._map_comparison import MapRecord, comparison_table, refuse_unlike, shares_frame
from skfair.vision._map_making import MapOptions, find_cells, fingerprint, sum_maps
from skfair.vision._map_sums import MapSums
from skfair.vision._map_tables import (
    attention_table,
    choose_n_permutations,
    distance_table,
    warn_of_gaps,
)
from skfair.vision._regions import read_regions
from skfair.vision.heatmap_displays import HeatmapsDisplay


class Heatmaps(SensitiveFeaturesMixin, BaseEstimator):
    r"""Where a network looks: mean heatmaps by group and class, and the share in a region.

    A heatmap tells which pixels the score of a class hangs on. Each image's map is divided by its
    sum, so it says how attention is spread, and maps are averaged by group and class. A network
    that looks at another place for another group, at the background or at a corner instead of the
    object, has learnt something else than the object.

    The distance of two groups' mean maps is their total variation, the share of attention that
    lies elsewhere,

    .. math:: D = \tfrac 1 2 \sum_i |\bar m_{a,i} - \bar m_{b,i}|,

    on a grid of at most ``grid`` x ``grid`` cells. Its p-value permutes images of the two groups,
    with their weights, within classes, so neither classes that are more frequent in one group nor a
    third group make a distance.

    Parameters
    ----------
    net : torch.nn.Module, or fitted skorch net, neural estimator or Pipeline that ends with one
        The network, bare or in ``FrozenEstimator``. It is left as it is: modes, hooks, gradients.
    sensitive_features : callable, default=None
        Gives the groups of X; or pass ``sensitive_features=`` to fit. Not needed.
    method : {"integrated_gradients", "occlusion", "grad_cam", "hires_cam"}
        Integrated gradients (the default) add up the score's gradient on the way from ``baseline``
        to the image, of which the absolute value is taken; occlusion hides a square and takes how
        much the score falls. Grad-CAM weighs the maps of a layer by the mean gradient of the score,
        HiResCAM by the gradient at each place; they are quick, and as coarse as the layer's maps.
    layers : str or list of str, default=None
        Names of the layers for Grad-CAM and HiResCAM, as ``net.named_modules()`` tells them. None:
        the last convolution whose maps have more than one pixel.
    target : {"auto", "label", "predicted"}, default="auto"
        The class whose score is explained: that of y, or the predicted one. "auto": that of y
        where y is given.
    classes : sequence, default=None
        Classes in the order of the outputs of a bare module. They have to be given where labels are
        words, whose order nothing tells. None: labels 0, 1, ... are positions of outputs, and as
        many other numbers as there are outputs are in their order.
    output : {"auto", "logits", "probabilities"}, default="auto"
        What a single output is, where classes are predicted. "auto": as the loss of the net or the
        network itself tells.
    baseline : float, default=None
        Value of pixels that show nothing. None: the mean colour of X, by weight.
    n_steps : int, default=32
        Steps of integrated gradients.
    window, stride : int, default=None
        Side of the square of occlusion and how far it moves, in pixels. None: a sixth of the
        shorter side, and half the window.
    grid : int, default=8
        Most cells along a side of the maps that are kept of each image, for the distances.
    n_permutations : int, default=None
        Number of permutations. None: 999, or 50 for each distance of groups by class, up to 19,999,
        so that p-values survive their adjustment.
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
        A line for each two groups in each class, and "all" for their mean over classes, weighted by
        :math:`n_a n_b / (n_a + n_b)`: ``layer``, ``of`` ("map", or a region, whose shares are
        compared), ``class``, ``group_a``, ``group_b``, ``distance``, ``expected`` (its mean under
        permutation), ``pvalue``, ``adjusted_pvalue``. That is Holm's: within layer and ``of`` the
        lines over all classes are one family, and those by class another. ``"<missing>"`` is a
        group here, too.
    attention_ : DataFrame
        Share of attention in each region by group and class, and "all", the mean over images (so
        its differences aren't the distances of ``distances_``): ``layer``, ``region``,
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
        NaN or channels last, or lengths differ; if y has a class that the network doesn't know, or
        words where a bare module needs ``classes``; if a class or a group is named "all".
    ImportError
        If torch or captum is missing.

    Warns
    -----
    UndefinedMetricWarning
        If groups are given and there is only one, or a cell of group and class has no map.
    UserWarning
        If so few permutations are asked for that no adjusted p-value by class can be small; if a
        bare module gets whole numbers as pixels, or labels as positions of which none is 0.

    Notes
    -----
    Integrated gradients are summed over channels before the absolute value is taken, so what speaks
    for a class in one channel and against it in another cancels. They see nothing where a pixel has
    the colour of ``baseline`` already (a grey patch, where that is the mean colour): try another
    one, or occlusion.

    Grad-CAM's mean gradient suits networks that average their last maps over the image. Where a
    network flattens them, a place has weights of its own, and HiResCAM or a method without layers
    is the one to trust. A region that is smaller than a pixel of the layer's maps is smeared by
    both.

    p-values are exact where weights have nothing to do with the maps within a class, as weights by
    group, and approximate where they have. Intervals of shares err on the safe side: of few images
    that are much alike they are up to about twice as long as Student's.

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
        n_permutations: int | None = None,
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
            Images as the network takes them, on the scale that it learnt on; of a Pipeline, rows as
            its first step takes them. A network that takes channels last is explained behind a
            module that permutes them.
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
        options = self._check_parameters()
        import_optional("torch", extra="nn", purpose="Heatmaps")
        import_optional("captum.attr", extra="explain", purpose="Heatmaps")
        X = network_images(self.net, X)
        labels = None if y is None else as_column(y, "y")
        _check_lengths(X, labels)
        groups = self._given_groups(X, sensitive_features)
        weights = check_weights(sample_weight, len(X))
        check_any_weight(weights)
        network = ExplainedNetwork(self.net, X, self.device, self.classes)
        masks = read_regions(regions, len(X), (network.shape[-2], network.shape[-1]))
        with frozen_in_place(network.module):
            cells, targets = find_cells(
                *(network, X, labels, groups, weights),
                target=self.target,
                output=self.output,
                batch_size=self.batch_size,
            )
            sums, layers = sum_maps(network, X, cells, targets, masks, options)
        of_label = labels is not None and self.target != "predicted"
        settings = {**options.settings(), "target": "label" if of_label else "predicted"}
        record = MapRecord(fingerprint(X), cells, masks, layers, settings, sums.shares)
        self._keep(sums, record)
        return self

    def compare(self, after: Heatmaps) -> pd.DataFrame:
        """Compare the shares of attention in regions with those of another network, image by image.

        Parameters
        ----------
        after : Heatmaps
            Fitted to the same images with the same labels, groups, weights, regions, method, target
            and baseline: of the debiased network, say.

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
            If images, labels, groups, weights, regions, the way in which maps are made or the
            number of layers differ, or there are no regions.
        """
        check_is_fitted(self)
        check_is_fitted(after)
        refuse_unlike(self._record, after._record)
        return comparison_table(
            self._record,
            after._record,
            confidence_level=self.confidence_level,
            n_permutations=self.n_permutations or 999,
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

    def _check_parameters(self) -> MapOptions:
        check_option("target", self.target, ("auto", "label", "predicted"))
        check_option("output", self.output, ("auto", "logits", "probabilities"))
        check_option("missing", self.missing, ("group", "raise"))
        if self.n_permutations is not None:
            check_count("n_permutations", self.n_permutations)
        check_share("confidence_level", self.confidence_level, ends=False)
        options = MapOptions(**{name: getattr(self, name) for name in MapOptions._fields})
        options.check()
        return options

    def _given_groups(self, X: Any, sensitive_features: Any) -> Groups:
        self._has_groups = self.sensitive_features is not None or sensitive_features is not None
        if not self._has_groups:
            return Groups.single(len(X))
        return self._read_groups(X, sensitive_features)

    def _keep(self, sums: MapSums, record: MapRecord) -> None:
        """Set what fit has found."""
        self._record, self.regions_ = record, record.regions
        cells, self.layer_names_ = record.cells, record.layers
        groups, classes = cells.groups, cells.classes
        shape = (groups.n_groups, len(classes))
        maps, pictures = sums.means()
        size = maps.shape[-2:]
        self.maps_ = maps.reshape(len(maps), *shape, *size)
        self.pictures_ = pictures.reshape(*shape, *size)
        self.group_labels_, self.classes_ = groups.labels, classes
        counted = cells.flat[cells.weights > 0]
        self._counts = np.bincount(counted, minlength=shape[0] * shape[1]).reshape(shape)
        self.shares_ = shares_frame(record)
        self.attention_ = attention_table(sums, self.layer_names_, cells, self.confidence_level)
        n = choose_n_permutations(self.n_permutations, cells, 1 - self.confidence_level)
        self.distances_ = distance_table(
            sums, self.layer_names_, cells, n, generator(self.random_state)
        )
        warn_of_gaps(self.maps_, cells, self._has_groups)


def _check_lengths(X: Any, labels: Any) -> None:
    if labels is not None and len(labels) == 1 < len(X) and len(X.shape) == 3:
        raise ValueError(
            f"y has one label, and X the shape {tuple(X.shape)}: if X is one image in colour, "
            "X[None] makes it a set of one"
        )
    check_same_length(X=X, y=labels)
