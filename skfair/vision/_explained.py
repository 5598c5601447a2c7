"""A network that is to be explained: its scores by class, its labels, its layers with maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from skfair._utils.columns import is_frame, take_rows
from skfair._utils.text import listed
from skfair._utils.validation import encode_labels, is_number
from skfair._utils.warning import warn_user
from skfair.vision._pixels import as_images as as_images
from skfair.vision._pixels import check_image_shape


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

    Warns
    -----
    UserWarning
        If a network without an estimator around it is given whole numbers, 0 to 255, say.
    """

    def __init__(
        self, net: Any, X: Any, device: str | None = None, classes: Sequence[Any] | None = None
    ) -> None:
        from skfair.nn import device_of, predict_logits, read_network
        from skfair.nn.networks import ArrayInput

        place = None if device is None else device_of(device)
        read = read_network(net, place, copy=False)
        self.module, self._encode = read.module, read.encode
        if isinstance(read.encode, ArrayInput):
            _warn_of_integers(X)
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
        check_image_shape((len(X), *found.shape[1:]), " (for tables there is group_attributions)")
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

    def code_labels(self, y: Any, name: str = "y") -> NDArray[np.intp]:
        """Find the positions of labels among the network's classes.

        Raises
        ------
        ValueError
            If a label is none of them, or it can't be told which output is which class.

        Warns
        -----
        UserWarning
            If numbers are taken for positions, and may be none, since there is no 0.
        """
        (codes,), found = encode_labels((name, y))
        if self.classes is None:
            self.classes = self._classes_of(list(found), name)
        place = {label: i for i, label in enumerate(self.classes.tolist())}
        unknown = [label for label in found if label not in place]
        if unknown:
            raise ValueError(
                f"{name} has the classes {listed(unknown)}, which the network doesn't know: its "
                f"classes are {listed(place)}"
            )
        return np.array([place[label] for label in found], dtype=np.intp)[codes]

    def _classes_of(self, found: list[Any], name: str) -> NDArray[Any]:
        """Tell the order of outputs from labels: numbers have one, words don't."""
        if not any(isinstance(v, str) for v in found) and all(
            v in range(self.n_classes) for v in found
        ):
            if len(found) > 1 and 0 not in found:
                warn_user(
                    f"{name} has the classes {listed(found)}, which are taken for the outputs at "
                    "these positions, counted from 0: name the classes in the order of the "
                    "outputs, classes="
                )
            return np.arange(self.n_classes)
        if len(found) == self.n_classes and all(is_number(v) for v in found):
            return np.asarray(found)  # sorted
        raise ValueError(
            f"the network gives scores of {self.n_classes} classes, and {name} has {len(found)}, "
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


def _warn_of_integers(X: Any) -> None:
    kind = getattr(getattr(X, "dtype", None), "kind", "f")
    if kind in "ui" and X.max() > 1:
        warn_user(
            f"X holds whole numbers up to {X.max()}, which the network gets as they are: give it "
            "floats on the scale that it learnt on (X / 255, say)"
        )


def network_images(net: Any, X: Any) -> Any:
    """Read images for a network; of a Pipeline, which may make them, rows as it takes them."""
    while isinstance(net, FrozenEstimator):
        net = net.estimator
    if isinstance(net, Pipeline):
        return X if is_frame(X) or hasattr(X, "shape") else np.asarray(X)
    return as_images(X)


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
