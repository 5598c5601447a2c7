"""Gradient ascent on pixels, and the activation that it raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skfair._utils.text import listed
from skfair.vision._explained import ExplainedNetwork

Floats = NDArray[np.floating]

_SETTLING = 0.25  # last part of the steps: no jitter, and steps become shorter
_ADAPTATION = 0.2  # power of too much roughness by which the pull changes in a step
_SMOOTHEST = 1e-9


class About(NamedTuple):
    """What the user's images tell.

    Parameters
    ----------
    mean : ndarray
        The mean image.
    value_range : tuple of 2 floats
    centre, spread : float
        Mean and standard deviation of the activation.
    highest : float
        Largest activation.
    roughness : float
        Of the images, on average.
    """

    mean: Floats
    value_range: tuple[float, float]
    centre: float
    spread: float
    highest: float
    roughness: float


def look_at(
    network: ExplainedNetwork, X: Any, activation: Callable[[Any], Any], batch_size: int
) -> tuple[About, NDArray[np.float64]]:
    """Find the activations of all images and what they look like."""
    import torch

    found, rough, low, high = np.zeros(len(X)), np.zeros(len(X)), np.inf, -np.inf
    total = np.zeros(network.shape)
    for rows, images in network.blocks(X, batch_size):
        with torch.no_grad():
            placed = network.place(images)
            found[rows] = activation(placed).cpu().double().numpy()
            rough[rows] = _roughness(placed.cpu().double()).numpy()
        low, high = min(low, float(images.min())), max(high, float(images.max()))
        total += images.sum(axis=0, dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError("activations of X are NaN or infinite")
    dtype = network.images(X, np.arange(1)).dtype
    about = About(
        (total / len(X)).astype(dtype),
        (low, high),
        float(found.mean()),
        float(found.std()) or 1.0,
        float(found.max()),
        float(rough.mean()),
    )
    return about, found


class Ascent(NamedTuple):
    """Ascent on the pixels, as :class:`skfair.vision.ActivationMaximizer` describes it.

    Parameters
    ----------
    about : About
    low, high : float
        Range of values.
    lr, l2, total_variation, roughness, jitter, max_iter
        As of the estimator.
    """

    about: About
    low: float
    high: float
    lr: float
    l2: float
    total_variation: float
    roughness: float | None
    jitter: int
    max_iter: int

    def run(
        self,
        network: ExplainedNetwork,
        activation: Callable[[Any], Any],
        n_restarts: int,
        rng: np.random.Generator,
    ) -> tuple[Floats, Floats]:
        """Make images, and tell their activations.

        Raises
        ------
        ValueError
            If it leads to activations that are no numbers.
        """
        import torch

        scale = (self.high - self.low) or 1.0
        images = network.place(self._start(n_restarts, scale, rng)).requires_grad_()
        mean = network.place(self.about.mean)
        adam = torch.optim.Adam([images], lr=self.lr * scale)
        strength = torch.full((n_restarts,), 1.0, dtype=images.dtype, device=images.device)
        for step in range(self.max_iter):
            left = 1 - step / self.max_iter
            shift = [0, 0]
            if self.jitter and left > _SETTLING:
                shift = rng.integers(-self.jitter, self.jitter + 1, size=2).tolist()
            adam.param_groups[0]["lr"] = self.lr * scale * min(left / _SETTLING, 1)
            pull: Any = self.total_variation
            if self.roughness is not None:
                pull = strength.clamp_min(self.total_variation)
            with torch.enable_grad():
                moved = torch.roll(images, shift, dims=(-2, -1))
                value = activation(moved)
                excited = (value - self.about.centre) / self.about.spread
                cost = self.l2 * ((images - mean) / scale).square().flatten(1).mean(dim=1)
                rough = _roughness(images / scale)
                (images.grad,) = torch.autograd.grad((cost + pull * rough - excited).sum(), images)
            adam.step()
            with torch.no_grad():
                images.clamp_(self.low, self.high)
                strength = self._adapted(strength, value.detach(), rough.detach(), scale)
        with torch.no_grad():
            values = activation(images)
        if not bool(torch.isfinite(values).all()):
            raise ValueError("the ascent led to activations that are no numbers: take a smaller lr")
        return images.detach().cpu().numpy(), values.cpu().double().numpy()

    def _start(self, n_restarts: int, scale: float, rng: np.random.Generator) -> Floats:
        mean = self.about.mean
        noise = 0.1 * scale * rng.standard_normal((n_restarts, *mean.shape))
        return np.clip(mean + noise, self.low, self.high).astype(mean.dtype)

    def _adapted(self, strength: Any, value: Any, rough: Any, scale: float) -> Any:
        """Raise the pull to smoothness where images are too rough, and lower it where they aren't.

        It is lowered, too, where an image excites no more than those of X do.
        """
        if self.roughness is None:
            return strength
        most = max(self.roughness * self.about.roughness / scale**2, _SMOOTHEST)
        change = (rough / most).clamp(1 / np.e, np.e)
        change[value <= self.about.highest] = 1 / np.e
        return (strength * change**_ADAPTATION).clamp(_SMOOTHEST, 1 / _SMOOTHEST)


def _roughness(images: Any) -> Any:
    """Mean of squared differences of neighbours, by image."""
    down = images.diff(dim=-2).square().flatten(1)
    across = images.diff(dim=-1).square().flatten(1)
    return (down.sum(dim=1) + across.sum(dim=1)) / max(images[0].numel(), 1)


def activation_of(network: ExplainedNetwork, X: Any, layer: str | None, unit: Any) -> Any:
    """Make what tells the activation of images, a tensor of shape (n,).

    Raises
    ------
    ValueError
        If there is no such layer, or no such unit in it.
    """
    import torch

    from skfair.nn import find_layer, layers_of, outputs_of

    if layer is None:
        column = _column_of(network, unit)
        return lambda images: network.scores(images)[:, column]
    part = find_layer(network.module, layer)
    with outputs_of(part) as seen, torch.no_grad():
        network.module(network.place(network.images(X, np.arange(1))))
    shape = tuple(getattr(seen[-1], "shape", ())[1:]) if seen else ()
    if not shape:
        raise ValueError(f"the layer {layer!r} gives no tensor{layers_of(network.module)}")
    place = _place_of(unit, shape, layer)

    def activation(images: Any) -> Any:
        with outputs_of(part) as given:
            network.module(images)
        return given[-1][(slice(None), *place)].flatten(1).mean(dim=1)

    return activation


def _column_of(network: ExplainedNetwork, unit: Any) -> int:
    """Find the output of a class."""
    classes = range(network.n_classes) if network.classes is None else network.classes.tolist()
    if not isinstance(unit, tuple | list) and unit in classes:
        return list(classes).index(unit)
    if network.classes is None:
        known = (
            f"the network doesn't tell its {network.n_classes} classes: give the position of an "
            "output, or name them in the order of the outputs, classes="
        )
    else:
        known = f"the network's classes are {listed(classes)}"
    raise ValueError(f"unit={unit!r} is no class, and {known} (a unit of a layer needs layer=)")


def _place_of(unit: Any, shape: tuple[int, ...], layer: str) -> tuple[Any, ...]:
    place = unit if isinstance(unit, tuple | list) else (unit,)
    whole = all(isinstance(i, int | np.integer) and not isinstance(i, bool) for i in place)
    fits = whole and len(place) in (1, len(shape))
    if not fits or not all(0 <= i < n for i, n in zip(place, shape, strict=False)):
        kinds = (
            "the position of one" if len(shape) == 1 else "a channel, or the position of a neuron"
        )
        raise ValueError(
            f"the layer {layer!r} gives outputs of the shape {shape}: unit must be {kinds} within "
            f"it, got {unit!r}"
        )
    # a slice keeps the axis, so that what is left can be flattened
    return tuple(slice(int(i), int(i) + 1) for i in place)
