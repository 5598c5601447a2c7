"""Images of digits with a colour that is tied to the label, and therefore a known bias."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.utils import Bunch, check_random_state

from skfair._utils.text import listed
from skfair._utils.validation import check_count

Cue = Literal["color", "patch", "background"]
Subset = Literal["train", "test", "all"]

# The ten colours of matplotlib's "tab10".
_PALETTE = {
    "blue": (31, 119, 180),
    "orange": (255, 127, 14),
    "green": (44, 160, 44),
    "red": (214, 39, 40),
    "purple": (148, 103, 189),
    "brown": (140, 86, 75),
    "pink": (227, 119, 194),
    "gray": (127, 127, 127),
    "olive": (188, 189, 34),
    "cyan": (23, 190, 207),
}
_PAPERS = ["dark", "light"]
_ROWS = {"train": slice(0, 1198), "test": slice(1198, None), "all": slice(None)}
_MARGIN = 2
_DESCR = """\
Coloured digits with a planted bias
===================================

:Images: {n} of {height} x {width} pixels, 3 channels, float32 in [0, 1]
:Source: scikit-learn's 8 x 8 digits (``sklearn.datasets.load_digits``), part "{subset}"
:Target: {target_names}
:Cue: {cue} ({group_names})
:Bias: the share of images whose cue is that of their label is {bias}
:Label noise: {label_noise}

The digit alone is enough to tell the label. ``cue_mask`` says where the cue is.
"""


def make_colored_digits(
    n_samples: int | None = None,
    *,
    subset: Subset = "train",
    classes: Sequence[Sequence[int]] = ((0, 1, 2, 3, 4), (5, 6, 7, 8, 9)),
    cue: Cue = "color",
    bias: float | Mapping[str, float] = 0.95,
    light_share: float = 0.0,
    label_noise: float = 0.0,
    noise: float = 0.05,
    scale: int = 1,
    return_X_y: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch | tuple[NDArray[np.float32], NDArray[np.int64]]:
    r"""Make images of digits with a colour that gives the label away, most of the time.

    Each class has a colour of its own. Of the images of a class, the share ``bias`` has that
    colour, and the others have another class's, as many of each:

    .. math:: P(C = c \mid Y = y) = b \text{ if } c = y \text{, else } (1 - b) / (k - 1)

    with :math:`k` classes. So a model may read the colour instead of the digit: it is right for
    the many images that follow the rule, and wrong for the few against it. With :math:`b = 1/k`
    colour and label are independent, as test data should be; below that the rule is reversed.

    The images are made of the 1,797 digits of 8 x 8 pixels that come with scikit-learn: nothing
    is downloaded. Around each is a margin of 2 pixels.

    With the same ``random_state``, another ``bias``, ``cue`` or ``scale`` leaves digits and labels
    as they are, and a stronger bias only gives more images the colour of their class.

    Parameters
    ----------
    n_samples : int, default=None
        Number of images; None: each digit of the subset once. With more, digits come again, each
        equally often, and only ``noise`` tells the copies apart.
    subset : {"train", "test", "all"}, default="train"
        Which digits to use: the first 1,198 of scikit-learn's, the last 599, or all. No digit is
        both in train and test.
    classes : sequence of sequences of int, default=((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))
        The digits of each class, for 2 to 10 classes. Digits in none are left out.
    cue : {"color", "patch", "background"}, default="color"
        What has the colour: the ink, a patch in the upper left corner, or the background.
    bias : float, or mapping of {"dark", "light"} to float, default=0.95
        Share of a class's images that have its colour, on all papers or on each. A mapping such as
        ``{"dark": 0.5, "light": 0.95}`` biases one group of images and leaves the other.
    light_share : float, default=0.0
        Share of images, in each class, whose paper is light and whose ink is dark; the others are
        the other way round.
    label_noise : float, default=0.0
        Share of images, in each class, whose label is changed to another. Colours follow the
        label that is recorded.
    noise : float, default=0.05
        Standard deviation of the normal noise that is added to each channel of each pixel, before
        values are cut to [0, 1].
    scale : int, default=1
        Width and height in which a pixel is drawn. The images are 12 times that wide and high.
    return_X_y : bool, default=False
        Return only ``(images, target)``.
    random_state : int, RandomState instance or None, default=None
        Give an int for the same images every time.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With these entries:

        images : ndarray of float32 of shape (n, 3, height, width)
            Red, green and blue, in [0, 1].
        data : ndarray of float32 of shape (n, 3 * height * width)
            The same, flat.
        target : ndarray of int of shape (n,)
            Recorded labels: positions in ``classes``.
        true_target : ndarray of int of shape (n,)
            Labels before the label noise.
        groups : ndarray of str objects of shape (n,)
            Name of the colour.
        papers : ndarray of str objects of shape (n,)
            ``"dark"`` or ``"light"``.
        aligned : ndarray of bool of shape (n,)
            Whether the colour is that of the recorded label.
        digits : ndarray of int of shape (n,)
            The digit.
        indices : ndarray of int of shape (n,)
            Position of the digit in ``load_digits()``.
        cue_mask : ndarray of bool of shape (n, height, width)
            The pixels in which another colour would show, noise aside.
        target_names, group_names, paper_names : list of str
            Names of classes, of the colours in the order of their classes, and of papers.
        DESCR : str
            Description.

    (images, target) : tuple
        With ``return_X_y=True``.

    Raises
    ------
    ValueError
        If a number lies outside its range, a name isn't known, ``classes`` aren't two or more that
        have no digit in common, or ``bias`` doesn't name the papers exactly.

    References
    ----------
    .. [1] Arjovsky, M., Bottou, L., Gulrajani, I. & Lopez-Paz, D. (2019). Invariant risk
       minimization. https://doi.org/10.48550/arXiv.1907.02893
    .. [2] Sagawa, S., Koh, P. W., Hashimoto, T. B. & Liang, P. (2020). Distributionally robust
       neural networks for group shifts. ICLR. https://openreview.net/forum?id=ryxGuJrFvS
    .. [3] Alpaydin, E. & Kaynak, C. (1998). Optical recognition of handwritten digits [Dataset].
       UCI Machine Learning Repository. https://doi.org/10.24432/C50P49

    Examples
    --------
    >>> import pandas as pd
    >>> from skfair.datasets import make_colored_digits
    >>> train = make_colored_digits(1000, bias=0.95, random_state=0)
    >>> train.images.shape
    (1000, 3, 12, 12)
    >>> pd.crosstab(train.target, train.groups).to_numpy()
    array([[473,  25],
           [ 25, 477]])
    >>> test = make_colored_digits(subset="test", bias=0.5, random_state=0)
    >>> set(train.indices) & set(test.indices)
    set()
    """
    class_of = _read_classes(classes)
    biases = _read_bias(bias)
    share = _read_number("light_share", light_share, 1.0)
    flips = _read_number("label_noise", label_noise, 1.0)
    deviation = _read_number("noise", noise, math.inf)
    check_count("scale", scale)
    if n_samples is not None:
        check_count("n_samples", n_samples)
    _read_name("cue", cue, ("color", "patch", "background"))
    rng = check_random_state(random_state)

    k = len(classes)
    indices, ink, digits = _draw_digits(rng, n_samples, subset, class_of)
    true_target = class_of[digits]
    light = _deal(rng, np.zeros_like(true_target), true_target, np.array(1.0 - share), 2)
    target = _deal(rng, true_target, true_target, np.array(1.0 - flips), k)
    colors = _deal(rng, target, target * 2 + light, biases[light], k)

    clean, mask = _draw_images(ink, light, colors, cue, scale)
    clean += (deviation * rng.standard_normal(clean.shape)).astype(np.float32)
    images = np.clip(clean, 0.0, 1.0, out=clean)
    if return_X_y:
        return images, target
    names = list(_PALETTE)[:k]
    bunch = Bunch(
        images=images,
        data=images.reshape(len(images), -1),
        target=target,
        true_target=true_target,
        groups=np.array(names, dtype=object)[colors],
        papers=np.array(_PAPERS, dtype=object)[light],
        aligned=colors == target,
        digits=digits,
        indices=indices,
        cue_mask=mask,
        target_names=[",".join(str(digit) for digit in sorted(part)) for part in classes],
        group_names=names,
        paper_names=list(_PAPERS),
    )
    bunch.DESCR = _describe(bunch, subset=subset, cue=cue, bias=bias, label_noise=label_noise)
    return bunch


def _draw_digits(
    rng: np.random.RandomState, n: int | None, subset: str, class_of: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Draw digits, each as often as any other, within one: positions, ink and digit."""
    _read_name("subset", subset, tuple(_ROWS))
    source = load_digits()
    there = np.arange(len(source.target))[_ROWS[subset]]
    there = there[class_of[source.target[there]] >= 0]
    n = len(there) if n is None else n
    decks = [rng.permutation(there) for _ in range(-(-n // len(there)))]
    indices = np.concatenate(decks)[:n]
    ink = np.pad(source.images[indices] / 16.0, ((0, 0), (_MARGIN,) * 2, (_MARGIN,) * 2))
    return indices, ink.astype(np.float32), source.target[indices].astype(np.int64)


def _deal(
    rng: np.random.RandomState,
    codes: NDArray[np.int64],
    cells: NDArray[np.int64],
    kept_share: NDArray[np.float64],
    k: int,
) -> NDArray[np.int64]:
    """Let a share of each cell's rows keep their code; the others get the other codes in turn.

    A row's place in the order of its cell is drawn whatever the share, so a larger one lets more
    rows keep their code, and changes nothing else.
    """
    order = rng.permutation(len(codes))
    places = np.empty_like(order)
    places[order] = pd.Series(cells[order]).groupby(cells[order]).cumcount()
    sizes = np.bincount(cells)[cells]
    kept = places < np.floor(kept_share * sizes + 0.5)
    others = (codes + 1 + places % (k - 1)) % k
    return np.where(kept, codes, others)


def _draw_images(
    ink: NDArray[np.float32],
    light: NDArray[np.int64],
    colors: NDArray[np.int64],
    cue: Cue,
    scale: int,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Draw ink on paper, one of which has the colour, or a patch in it; and say where it is."""
    palette = np.array(list(_PALETTE.values()), dtype=np.float32) / 255.0
    color = palette[colors][:, :, None, None]
    paper = light.astype(np.float32)[:, None, None, None]
    amount = ink[:, None]
    if cue == "color":
        images, mask = paper * (1 - amount) + color * amount, ink > 0
    elif cue == "background":  # the colour, half way to the paper
        images, mask = (paper + color) / 2 * (1 - amount) + (1 - paper) * amount, ink < 1
    else:
        images = np.repeat(paper * (1 - amount) + (1 - paper) * amount, 3, axis=1)
        images[:, :, :_MARGIN, :_MARGIN] = color
        mask = np.zeros(ink.shape, dtype=bool)
        mask[:, :_MARGIN, :_MARGIN] = True
    return _enlarge(images, scale), _enlarge(mask, scale)


def _enlarge(pixels: NDArray[Any], scale: int) -> NDArray[Any]:
    return pixels.repeat(scale, axis=-1).repeat(scale, axis=-2)


def _describe(bunch: Bunch, **values: Any) -> str:
    height, width = bunch.images.shape[2:]
    classes = " or ".join(f"{i} (digits {name})" for i, name in enumerate(bunch.target_names))
    groups = ", ".join(bunch.group_names)
    values = {**values, "target_names": classes, "group_names": groups}
    return _DESCR.format(n=len(bunch.images), height=height, width=width, **values)


def _read_classes(classes: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Give the class of each of the ten digits, -1 for none."""
    parts = [list(part) for part in classes]
    flat = [digit for part in parts for digit in part]
    if not set(flat) <= set(range(10)):
        raise ValueError(f"classes must hold digits from 0 to 9, got {parts}")
    if len(parts) < 2 or not all(parts) or len(set(flat)) < len(flat):
        raise ValueError(
            f"classes must be two or more lists of digits, and no digit in two of them; got {parts}"
        )
    class_of = np.full(10, -1)
    for code, part in enumerate(parts):
        class_of[part] = code
    return class_of


def _read_bias(bias: float | Mapping[str, float]) -> NDArray[np.float64]:
    if not isinstance(bias, Mapping):
        bias = dict.fromkeys(_PAPERS, bias)
    if set(bias) != set(_PAPERS):
        raise ValueError(f"bias must name the papers {_PAPERS}, got {list(bias)}")
    return np.array([_read_number("bias", bias[paper], 1.0) for paper in _PAPERS])


def _read_name(parameter: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{parameter} must be one of {listed(known)}, got {value!r}")


def _read_number(parameter: str, value: float, high: float) -> float:
    number = float(value)
    if not (math.isfinite(number) and 0.0 <= number <= high):
        raise ValueError(f"{parameter} must lie in [0, {high:g}], got {value!r}")
    return number
