"""Models in files of skops: what is written beside them, and what is refused."""

from __future__ import annotations

import io
import json
import warnings
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from sklearn.exceptions import InconsistentVersionWarning

from skfair._utils.optional import import_optional
from skfair._version import __version__
from skfair.cli._packing import pack, unpack
from skfair.cli._problems import CommandError, one_line
from skfair.cli._trust import check_types
from skfair.cli._writing import draft_of

_CARD = "skfair.json"
_FORMAT, _VERSION = "skfair model", 1
_PLENTY, _SWELLS = 256 * 2**20, 50  # bytes that may always be unpacked; more than that, times
_AGAIN = "make it again with skfair mitigate, or audit its predictions (--prediction)"


@dataclass(frozen=True)
class ModelCard:
    """What a file says of its model.

    Parameters
    ----------
    target, positive : str
        Column of labels, and its favourable value.
    sensitive_features : list of str
        As given to ``--sensitive``.
    columns : dict of str to str
        The columns that the model was given, and the kind of each: "number" or "other".
    method : str
        What was done against bias.
    uses_group_at_predict : bool
        Whether decisions look at the group, or a guess of it.
    data : str, default=""
        Table that the model was fitted to a part of.
    versions : dict of str to str
        Of skfair and scikit-learn.
    """

    target: str
    positive: str
    sensitive_features: list[str]
    columns: dict[str, str]
    method: str
    uses_group_at_predict: bool
    data: str = ""
    versions: dict[str, str] = field(default_factory=lambda: installed())


def installed() -> dict[str, str]:
    """Versions of what a fitted model depends on."""
    return {"skfair": __version__, "scikit-learn": version("scikit-learn")}


def save_model(model: Any, card: ModelCard, path: str | Path) -> None:
    """Write a fitted model and its card to one file of skops.

    Raises
    ------
    ImportError
        If skops isn't installed; ``pip install "skfair[report]"``.
    """
    library = import_optional("skops.io", extra="report", purpose="writing a model")
    data = io.BytesIO(library.dumps(pack(model)))
    about = {"format": _FORMAT, "version": _VERSION, **asdict(card)}
    with ZipFile(data, "a") as archive:
        archive.writestr(_CARD, json.dumps(about, indent=1))
    with draft_of(path) as draft:
        draft.write_bytes(data.getvalue())


def load_model(path: str | Path) -> tuple[Any, ModelCard | None]:
    """Read a model that ``skfair mitigate`` or ``skops.io.dump`` wrote.

    Only estimators of scikit-learn and skfair are read, and no code is run from the file. That
    the file comes from whom it should can't be told by looking at it.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    model : estimator
        Fitted.
    card : ModelCard or None
        None for a file that skfair didn't write.

    Raises
    ------
    CommandError
        In one line, if the file can't be read, was written with another version of scikit-learn,
        or holds other types.
    """
    name = str(path)
    if not Path(path).is_file():
        raise CommandError(f"--model: there is no file {name!r}")
    library = import_optional("skops.io", extra="report", purpose="reading a model")
    card = _read_card(name)
    try:
        trusted = check_types(library.get_untrusted_types(file=name), name)
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            model = unpack(library.load(name, trusted=trusted))
    except CommandError:
        raise
    except InconsistentVersionWarning as error:
        raise _other_version(name, "scikit-learn", error.original_sklearn_version) from error
    except Exception as error:  # a changed file may fail in any way
        raise _damaged(name, error) from error
    if not hasattr(model, "predict"):
        raise CommandError(f"{name} holds a {type(model).__name__}, which can't predict")
    return model, card


def _read_card(name: str) -> ModelCard | None:
    try:
        with ZipFile(name) as archive:
            _refuse_swelling(archive, name)
            if _CARD not in archive.namelist():
                return None
            about = json.loads(archive.read(_CARD))
        if about.pop("format") != _FORMAT or about.pop("version") != _VERSION:
            raise CommandError(f"{name} was written by another version of skfair: {_AGAIN}")
        card = ModelCard(**about)
        found = dict(card.versions)
        is_sound = isinstance(card.columns, dict) and isinstance(found["scikit-learn"], str)
    except CommandError:
        raise
    except (BadZipFile, OSError) as error:
        raise CommandError(
            f"{name} is no file of skops, or is damaged ({one_line(error)}): {_AGAIN}"
        ) from error
    except Exception as error:  # as in load_model
        raise _damaged(name, error) from error
    if not is_sound:
        raise _damaged(name, "its description")
    for library, here in installed().items():
        if library == "scikit-learn" and found[library] != here:
            raise _other_version(name, library, found[library])
    return card


def _refuse_swelling(archive: ZipFile, name: str) -> None:
    """Refuse a small file that would fill the memory when it is unpacked."""
    size = sum(part.file_size for part in archive.infolist())
    if size > max(_PLENTY, _SWELLS * Path(name).stat().st_size):
        raise CommandError(
            f"{name} would unpack to {size / 2**20:.0f} MiB, as no sound file does: {_AGAIN}"
        )


def _other_version(name: str, library: str, wrote: str) -> CommandError:
    here = installed()[library]
    return CommandError(
        f"{name} was written with {library} {wrote}, and {here} is installed: install "
        f"{library}=={wrote}, or {_AGAIN}"
    )


def _damaged(name: str, why: object) -> CommandError:
    return CommandError(f"{name} is damaged or was changed ({one_line(why)[:120]}): {_AGAIN}")
