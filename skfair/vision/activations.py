"""ActivationMaximizer: what a neuron, a channel or a class of a network is excited by most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skfair._utils.optional import import_optional
from skfair._utils.validation import check_count, check_number, generator, is_number
from skfair.vision._ascent import Ascent, activation_of, look_at
from skfair.vision._explained import ExplainedNetwork, as_images, frozen_in_place
from skfair.vision.heatmap_displays import ActivationsDisplay


class ActivationMaximizer(BaseEstimator):
    r"""Find images that excite a neuron, a channel or a class, by gradient ascent on the pixels.

    What such an image shows is what the unit looks for: a colour instead of a shape, say. Ascent
    goes from noise around the mean image, by Adam, within the range of values, and raises

    .. math:: \frac{a(x) - \bar a}{s_a} - \lambda_2\, \overline{(x - \bar x)^2} / r^2
        - \lambda_{TV}\, \overline{|\nabla x|^2} / r^2,

    with the mean and the standard deviation of the activation a over the images X, their mean image
    and their range r of values; the images are moved by up to ``jitter`` pixels in each step but
    the last quarter, in which steps become shorter. Penalties and jitter keep out the speckle that
    excites a network, and shows nothing: :math:`\lambda_{TV}` grows as long as an image excites
    more than any of X and has more than ``roughness`` times their mean
    :math:`\overline{|\nabla x|^2}`.

    Parameters
    ----------
    net : torch.nn.Module, or fitted skorch net, neural estimator or Pipeline that ends with one
        The network, bare or in ``FrozenEstimator``. It is left as it is: modes, hooks, gradients.
    layer : str, default=None
        Name of a layer, as ``net.named_modules()`` tells them. None: the score of a class.
    unit : int, tuple of ints, or class label
        Without a layer a class. With one: the position of a channel, whose mean activation is
        meant, or of a neuron: (channel, row, column).
    classes : sequence, default=None
        Classes in the order of the network's outputs, where it doesn't tell.
    n_restarts : int, default=4
        Images to make, each from noise of its own.
    max_iter : int, default=256
        Steps.
    lr : float, default=0.02
        Length of a step, in shares of the range of values.
    l2 : float, default=0.1
        Strength of the pull towards the mean image.
    total_variation : float, default=1.0
        Least strength of the pull towards smooth images.
    roughness : float or None, default=0.5
        How rough images may be, in times the roughness of X: smaller numbers give smoother images,
        and lower activations. None: the pull isn't stronger than ``total_variation``.
    jitter : int, default=1
        Most pixels by which images are moved.
    value_range : tuple of 2 floats, default=None
        Least and largest value of a pixel. None: those of X.
    batch_size : int, default=64
        Images of X that pass the network at once.
    device : str, default=None
        Where the network runs, "auto" for the best there is. None: where it is.
    random_state : int, RandomState, Generator or None, default=None
        Draws noise and jitter.

    Attributes
    ----------
    images_ : ndarray of shape (n_restarts, channels, h, w) or (n_restarts, h, w)
        The images, that of the highest activation first.
    activations_ : ndarray of shape (n_restarts,)
        Their activations, unmoved and without penalties.
    best_image_, best_activation_
        The first of these.
    data_activations_ : ndarray of shape (n,)
        Activations of the images X.
    top_row_ : int
        The image of X that excites most.
    value_range_ : tuple of 2 floats

    Raises
    ------
    NotFittedError
        If ``net`` isn't fitted.
    ValueError
        If the layer or unit isn't there (the message names those that are), the network can't take
        X, or activations aren't numbers.
    ImportError
        If torch is missing.

    References
    ----------
    Erhan, D., Bengio, Y., Courville, A. and Vincent, P. (2009). Visualizing higher-layer features
    of a deep network. Technical report 1341, Université de Montréal.
    Olah, C., Mordvintsev, A. and Schubert, L. (2017). Feature visualization. Distill.
    https://doi.org/10.23915/distill.00007

    Examples
    --------
    >>> import torch
    >>> from skfair.datasets import make_colored_digits
    >>> digits = make_colored_digits(40, cue="patch", random_state=0)
    >>> _ = torch.manual_seed(0)
    >>> net = torch.nn.Sequential(
    ...     torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(400, 2)
    ... )
    >>> found = ActivationMaximizer(net, layer="0", unit=2, random_state=0).fit(digits.images)
    >>> bool(found.best_activation_ > found.data_activations_.max())
    True
    """

    def __init__(
        self,
        net: Any,
        *,
        layer: str | None = None,
        unit: Any,
        classes: Sequence[Any] | None = None,
        n_restarts: int = 4,
        max_iter: int = 256,
        lr: float = 0.02,
        l2: float = 0.1,
        total_variation: float = 1.0,
        roughness: float | None = 0.5,
        jitter: int = 1,
        value_range: tuple[float, float] | None = None,
        batch_size: int = 64,
        device: str | None = None,
        random_state: Any = None,
    ) -> None:
        self.net = net
        self.layer = layer
        self.unit = unit
        self.classes = classes
        self.n_restarts = n_restarts
        self.max_iter = max_iter
        self.lr = lr
        self.l2 = l2
        self.total_variation = total_variation
        self.roughness = roughness
        self.jitter = jitter
        self.value_range = value_range
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Make the images.

        Parameters
        ----------
        X : array of shape (n, channels, h, w) or (n, h, w)
            Images as the network takes them; they tell shape, range and common activations.
        y : None
            Not used.

        Returns
        -------
        ActivationMaximizer
            Itself.
        """
        self._check_parameters()
        import_optional("torch", extra="nn", purpose=type(self).__name__)
        X = as_images(X)
        rng = generator(self.random_state)
        network = ExplainedNetwork(self.net, X, self.device, self.classes)
        with frozen_in_place(network.module):
            activation = activation_of(network, X, self.layer, self.unit)
            about, found = look_at(network, X, activation, self.batch_size)
            low, high = self.value_range or about.value_range
            climb = Ascent(
                *(about, low, high, self.lr, self.l2, self.total_variation),
                *(self.roughness, self.jitter, self.max_iter),
            )
            images, values = climb.run(network, activation, self.n_restarts, rng)
        order = np.argsort(-values, kind="stable")
        self.images_, self.activations_ = images[order], values[order]
        self.best_image_, self.best_activation_ = self.images_[0], float(self.activations_[0])
        self.data_activations_, self.top_row_ = found, int(found.argmax())
        self.value_range_ = (float(low), float(high))
        self._top_image = network.images(X, np.array([self.top_row_]))[0]
        return self

    def plot(self) -> ActivationsDisplay:
        """Draw the images, beside that of X which excites most.

        Returns
        -------
        ActivationsDisplay
        """
        check_is_fitted(self)
        top = self.data_activations_[self.top_row_]
        where = "class" if self.layer is None else f"layer {self.layer}, unit"
        return ActivationsDisplay(
            images=np.concatenate([self.images_, self._top_image[None]]),
            titles=[*(f"{a:.3g}" for a in self.activations_), f"row {self.top_row_}: {top:.3g}"],
            value_range=self.value_range_,
            name=f"{where} {self.unit}",
        ).plot()

    def _check_parameters(self) -> None:
        for name in ("n_restarts", "max_iter", "batch_size"):
            check_count(name, getattr(self, name))
        check_count("jitter", self.jitter, least=0)
        check_number("lr", self.lr, above=0)
        check_number("l2", self.l2)
        check_number("total_variation", self.total_variation)
        if self.roughness is not None:
            check_number("roughness", self.roughness, above=0)
        if self.value_range is not None:
            ends = list(self.value_range)
            if len(ends) != 2 or not all(map(is_number, ends)) or not ends[0] < ends[1]:
                raise ValueError(
                    f"value_range must be two numbers, the smaller first, got {self.value_range!r}"
                )
