"""Files that are either written whole or left as they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from skfair.cli._problems import CommandError


@contextmanager
def draft_of(path: str | Path) -> Iterator[Path]:
    """Give the name of a draft beside a file, which takes its place when all went well."""
    place = Path(path).resolve()  # what a link points to
    if place.exists() and not place.is_file():  # such as /dev/stdout
        yield place
        return
    draft = place.with_name(f"{place.name}.part")
    try:
        yield draft
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)


def check_outputs(outputs: Sequence[str | None], inputs: Sequence[str | None]) -> None:
    """Refuse files that can't be written, or hold what is read, before anything is computed."""
    read = {Path(path).resolve() for path in inputs if path is not None}
    taken: set[Path] = set()
    for text in outputs:
        if text is None:
            continue
        path = Path(text)
        if not path.parent.is_dir():
            raise CommandError(f"there is no folder {str(path.parent)!r} for {text!r}: make it")
        if path.is_dir():
            raise CommandError(f"{text!r} is a folder: give the name of a file in it")
        if path.resolve() in read:
            raise CommandError(f"{text!r} is what is read: give another name of a file to write")
        if path.resolve() in taken and (path.is_file() or not path.exists()):
            raise CommandError(f"{text!r} would be written twice: give each file its own name")
        taken.add(path.resolve())
