"""A network that is to be explained: its scores by class, its labels, its layers with maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfair._utils.columns import is_frame, take_rows
from skfair._utils.text import listed
from skfair._utils.validation import encode_labels


class ExplainedNetwork:
    """A user's network as explanations need it: a score a class of each image.

    Parameters
    ----------
    net : torch.nn.Module, or fitted skorch net, estimator or Pipeline
    X : array of shape (n, ...)
        Images, of which the first are tried.
    device : str or None
        Where it runs; None: where the network is.
    classes : sequence or None
        Classes in the order of the outputs, where the network doesn't tell.

    Raises
    ------
    ValueError
        If it can't be read, or can't take these images, or gives no score a class.
    """

    def __init__(
        self, net: Any, X: Any, device: str | None = None, classes: Sequence[Any] | None = None
    ) -> None:
        from skfair.nn import device_of, predict_logits, read_network

        place = None if device is None else device_of(device)
        read = read_network(net, place, copy=False)
        self.module, self._encode = read.module, read.encode
        first = next(self.module.parameters(), None)
        self.device = place if first is None else first.device
        sample = self.images(X, np.arange(min(2, len(X))))
        self.shape: tuple[int, ...] = sample.shape[1:]
        n_outputs = self._try(sample)
        self.is_single = n_outputs == 1
        self.n_classes = max(n_outputs, 2)
        self.output = read.output
        if not np.isfinite(predict_logits(self.module, sample, self.device)).all():
            raise ValueError("the network gives outputs that are NaN or infinite")
        found = read.classes if classes is None else np.asarray(classes)
        if found is not None and len(found) != self.n_classes:
            raise ValueError(
                f"the network has scores of {self.n_classes} classes, and there are "
                f"{len(found)}: {listed(found.tolist())}"
            )
        self.classes = found

    def images(self, X: Any, rows: NDArray[np.intp]) -> NDArray[np.floating]:
        """Take some images as the network takes them."""
        found = self._encode(take_rows(X, rows))
        if found.ndim not in (3, 4):
            raise ValueError(
                "X must be images of shape (n, channels, height, width) or (n, height, width), as "
                f"the network takes them; got shape {(len(X), *found.shape[1:])} (for tables there "
                "is group_attributions)"
            )
        return found

    def blocks(
        self, X: Any, batch_size: int
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.floating]]]:
        """Give rows and their images, batch by batch."""
        for start in range(0, len(X), batch_size):
            rows = np.arange(start, min(start + batch_size, len(X)))
            yield rows, self.images(X, rows)

    def scores(self, tensor: Any) -> Any:
        """Compute the score of each class; of a single output z it is (-z, z)."""
        import torch

        found = self.module(tensor)
        if not self.is_single:
            return found
        flat = found.reshape(-1, 1)
        return torch.cat([-flat, flat], dim=1)

    def code_labels(self, y: Any) -> NDArray[np.intp]:
        """Find the positions of labels among the network's classes.

        Raises
        ------
        ValueError
            If a label is none of them, or it can't be told which output is which class.
        """
        (codes,), found = encode_labels(("y", y))
        if self.classes is None:
            self.classes = self._classes_of(list(found))
        place = {label: i for i, label in enumerate(self.classes.tolist())}
        unknown = [label for label in found if label not in place]
        if unknown:
            raise ValueError(
                f"y has the classes {listed(unknown)}, which the network doesn't know: its classes "
                f"are {listed(place)}"
            )
        return np.array([place[label] for label in found], dtype=np.intp)[codes]

    def _classes_of(self, found: list[Any]) -> NDArray[Any]:
        if all(not isinstance(v, str) and v in range(self.n_classes) for v in found):
            return np.arange(self.n_classes)
        if len(found) == self.n_classes:
            return np.asarray(found)  # sorted
        raise ValueError(
            f"the network gives scores of {self.n_classes} classes, and y has {len(found)}, "
            f"{listed(found)}: name all in the order of the outputs, classes="
        )

    def _try(self, sample: NDArray[np.floating]) -> int:
        """Count the network's outputs."""
        import torch

        from skfair.nn import evaluating

        try:
            with evaluating(self.module), torch.no_grad():
                found = self.module(self.place(sample))
        except torch.cuda.OutOfMemoryError:
            raise
        except (IndexError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(
                f"the network can't take images of the shape {self.shape}: {error}"
            ) from error
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        if not isinstance(shape, tuple) or len(shape) not in (1, 2) or shape[0] != len(sample):
            raise ValueError(
                "the network must give a score a class, so (n, n_classes), or one for two classes; "
                f"for {len(sample)} images it gave {shape}"
            )
        return shape[1] if len(shape) == 2 else 1

    def place(self, array: NDArray[Any]) -> Any:
        """Put an array on the network's device."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def as_images(X: Any) -> Any:
    """Read images as an array.

    Raises
    ------
    ValueError
        If X is a table, has no rows, or images of different shapes.
    """
    if is_frame(X):
        raise ValueError(
            "X is a table, and heatmaps are of images: give an array (n, channels, height, width); "
            "for tables there is group_attributions"
        )
    try:
        images = X if hasattr(X, "shape") else np.asarray(X)
    except ValueError as error:
        raise ValueError(f"images must have one shape: {error}") from error
    if len(images.shape) not in (3, 4) or 0 in images.shape:
        raise ValueError(
            "X must be images of shape (n, channels, height, width) or (n, height, width), got "
            f"shape {tuple(images.shape)} (for tables there is group_attributions)"
        )
    return images


def predicted_classes(
    network: ExplainedNetwork, X: Any, batch_size: int, output: str = "auto"
) -> NDArray[np.intp]:
    """Find the positions of the classes with the largest scores.

    Of a network with one output that doesn't tell whether it is a logit or a probability,
    ``output`` or the first images do.
    """
    import torch

    from skfair.nn import decide_output

    cut = 0.0
    if network.is_single:
        known = network.output if output == "auto" else output
        if known is None:
            first = network.images(X, np.arange(min(len(X), batch_size)))
            known = decide_output(network.module, first, network.device)
        cut = 0.5 if known == "probabilities" else 0.0
    found = np.zeros(len(X), dtype=np.intp)
    for rows, images in network.blocks(X, batch_size):
        with torch.no_grad():
            scores = network.scores(network.place(images))
        if not bool(torch.isfinite(scores).all()):
            raise ValueError("the network gives outputs that are NaN or infinite")
        decided = scores[:, 1] >= cut if network.is_single else scores.argmax(dim=1)
        found[rows] = decided.cpu().numpy()
    return found


def layers_with_maps(network: ExplainedNetwork, sample: Any) -> dict[str, tuple[int, ...]]:
    """Find the layers that give maps of more than one pixel, and their shapes, as they run."""
    import torch

    from skfair.nn import evaluating

    found: dict[str, tuple[int, ...]] = {}
    hooks = [
        part.register_forward_hook(_noting(found, name))
        for name, part in network.module.named_modules()
        if name
    ]
    try:
        with evaluating(network.module), torch.no_grad():
            network.module(network.place(sample))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _noting(found: dict[str, tuple[int, ...]], name: str) -> Any:
    def note(_: Any, __: Any, out: Any) -> None:
        shape = tuple(getattr(out, "shape", ()))
        if len(shape) == 4 and shape[2] * shape[3] > 1:
            found.pop(name, None)
            found[name] = shape[1:]

    return note


def choose_layers(
    network: ExplainedNetwork, sample: Any, layers: str | Sequence[str] | None
) -> list[str]:
    """Find the layers whose maps are asked for; by default the last convolution that gives maps.

    Raises
    ------
    ValueError
        If there is no such layer, or it gives no maps; the message names those that do.
    """
    import torch

    from skfair.nn import find_layer

    found = layers_with_maps(network, sample)
    advice = (
        f"layers that give maps are {listed(found, most=50)}"
        if found
        else 'no layer gives maps: take method="integrated_gradients" or "occlusion"'
    )
    if layers is None:
        parts = dict(network.module.named_modules())
        last = [name for name in found if isinstance(parts[name], torch.nn.Conv2d)]
        if not last:
            raise ValueError(f"there is no convolution to take by default: set layers; {advice}")
        return last[-1:]
    names = [layers] if isinstance(layers, str) else list(layers)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"layers must be one or more different names, got {layers!r}; {advice}")
    for name in names:
        find_layer(network.module, name)
        if name not in found:
            raise ValueError(f"the layer {name!r} gives no maps of these images; {advice}")
    return names


@contextmanager
def frozen_in_place(module: Any) -> Iterator[None]:
    """Open a module for explanations: in evaluation mode, and as it was afterwards.

    Hooks that are registered meanwhile are removed, too.

    Examples
    --------
    >>> from torch import nn
    >>> module = nn.Linear(1, 1)
    >>> with frozen_in_place(module):
    ...     _ = module.register_forward_hook(print)
    >>> len(module._forward_hooks), module.training
    (0, True)
    """
    from skfair.nn import evaluating

    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    before = [
        (hooks, set(hooks))
        for part in module.modules()
        for hooks in (getattr(part, kind, {}) for kind in kinds)
    ]
    try:
        with evaluating(module):
            yield
    finally:
        for hooks, known in before:
            for key in set(hooks) - known:
                del hooks[key]
