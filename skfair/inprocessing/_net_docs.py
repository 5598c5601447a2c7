"""Descriptions of the parameters that all network estimators have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skfair._utils.docstrings import documented

COMMON = (
    "module",
    "hidden_sizes",
    "dropout",
    "weight_init",
    "standardize",
    "lr",
    "lr_schedule",
    "weight_decay",
    "batch_size",
    "batch_sampling",
    "max_epochs",
    "early_stopping",
    "validation_fraction",
    "n_iter_no_change",
    "warm_start",
    "device",
    "dtype",
    "mixed_precision",
    "callbacks",
    "missing",
    "random_state",
    "verbose",
)

PARAMETERS = {
    "sensitive_features": """\
    sensitive_features : str, int, Bins, list of them, or callable, default=None
        Columns of X, or a callable of X; None: pass ``sensitive_features=`` to fit.""",
    "module": """\
    module : torch.nn.Module, class or callable, default=None
        The network: of rows of X (after their preparation) it makes {outputs}.
        A copy of an instance is trained, from the weights that it has. A class or callable gets
        ``n_inputs`` and ``n_outputs``, if its signature names them. None: a multilayer
        perceptron.""",
    "hidden_sizes": """\
    hidden_sizes : sequence of int, default=(64, 64)
        Widths of the perceptron's hidden layers.""",
    "dropout": """\
    dropout : float, default=0.0
        Share of the perceptron's hidden units that are left out in each step of training.""",
    "weight_init": """\
    weight_init : {"he", "xavier", "orthogonal", "default"}, default="he"
        How the perceptron's weights are drawn.""",
    "standardize": """\
    standardize : bool, default=True
        Whether numeric columns of a table get mean 0 and deviation 1. Images stay as they are, but
        for those of bytes (uint8), which are divided by 255.""",
    "lr": """\
    lr : float, default=1e-3
        Learning rate of AdamW.""",
    "lr_schedule": """\
    lr_schedule : {"cosine"} or None, default={lr_schedule}
        Whether learning rates fall to 0 over the epochs of ``fit``, down half a cosine, or stay.
        With None, skorch's ``LRScheduler`` among the ``callbacks`` brings any of torch's.""",
    "weight_decay": """\
    weight_decay : float, default=0.0
        Its weight decay, which is multiplied by the learning rate: at lr=1e-3 values of 1 to 10
        are strong.""",
    "batch_size": """\
    batch_size : int, default=256
        Most rows of a batch.""",
    "batch_sampling": """\
    batch_sampling : {"group", "group_label"} or None, default={batch_sampling}
        Whether each batch holds as many rows of every group, or of every cell of group and label,
        drawn with replacement; None: each row once an epoch.""",
    "max_epochs": """\
    max_epochs : int or "auto", default="auto"
        Number of epochs; with early stopping, the most. ``"auto"``: 20, and of few rows as many
        more as make about 1,000 batches.""",
    "early_stopping": """\
    early_stopping : bool, default=False
        Hold validation rows out, stop when the loss on them (of which fairness is a part) no longer
        falls, and go back to the weights at which it was lowest.""",
    "validation_fraction": """\
    validation_fraction : float, default=0.1
        Share of rows held out for early stopping.""",
    "n_iter_no_change": """\
    n_iter_no_change : int, default=10
        Epochs without a lower validation loss after which training stops.""",
    "warm_start": """\
    warm_start : bool, default=False
        Whether ``fit`` goes on from the network of the last fit, and its optimizer's moments. All
        other parameters are taken as they are now, but for those of layers.""",
    "device": """\
    device : str, default="auto"
        A device of torch; ``"auto"``: cuda, mps or cpu, the first that there is.""",
    "dtype": """\
    dtype : {"float32", "float64"}, default="float32"
        Type of the network's numbers.""",
    "mixed_precision": """\
    mixed_precision : bool, default=False
        Whether training computes in bfloat16 where torch finds that safe: faster on newer GPUs.
        Weights and predictions keep their type.""",
    "callbacks": """\
    callbacks : list of skorch callbacks, default=None
        Learning-rate schedules (with ``lr_schedule=None``), checkpoints, clipping of gradients,
        and so on; copies are used. Scores by epoch are not possible.""",
    "missing": """\
    missing : {"group", "raise"}, default="group"
        Rows without a sensitive value form a group of their own, or are refused.""",
    "random_state": """\
    random_state : int, RandomState instance or None, default=None
        Draws weights, batches, dropout and validation rows. torch's own generators stay as they
        are.""",
    "verbose": """\
    verbose : int, default=0
        1 shows a progress bar (needs tqdm: ``skfair[progress]``), 2 prints a line an epoch.""",
}

AUGMENT = {
    "augment": """\
    augment : TargetedAugmenter or callable, default=None
        Changes images of training batches, never those of validation and prediction:
        ``skfair.vision.TargetedAugmenter``, which tells cells of group and label apart, or a
        callable that makes of a batch of images, a tensor of shape (n, c, h, w), another. Images of
        bytes have been divided by 255. What it draws hangs on ``random_state`` and the numbers of
        the epoch and the batch alone."""
}

AFTER = """

    Raises
    ------
    ValueError
        If X has missing numbers, or words of too many kinds (more than 100, and a tenth of the
        rows), {labels}the module has another output, or the loss is no number: then the message
        names the epoch, and ``net_`` keeps the last good weights.
    TypeError
        If X is sparse.
    ImportError
        If torch or skorch is missing: ``pip install "skfair[nn]"``."""


def network_docs(own: dict[str, str], **defaults: str) -> Callable[[Any], Any]:
    """Write the parameters of a network estimator into its docstring: its own, then the common.

    Parameters
    ----------
    own : dict of str to str
        Its own parameters, which follow ``sensitive_features``.
    **defaults : str
        What is written for ``{name}``: defaults of common parameters, and words, in which
        estimators differ.
    """
    written = {"batch_sampling": "None", "lr_schedule": "None", **_OF_CLASSES} | defaults
    parameters = {**PARAMETERS, **own}
    after = AFTER
    for name, text in written.items():
        filled = f"{{{name}}}"
        parameters = {key: value.replace(filled, text) for key, value in parameters.items()}
        after = after.replace(filled, text)
    return documented(("sensitive_features", *own, *COMMON), parameters, after)


_OF_CLASSES = {
    "outputs": "logits of the classes,\n        of shape (n, n_classes)",
    "labels": "there is one class only, ",
}
