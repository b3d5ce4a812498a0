"""Finished partials on disk, so that a run that died is taken up where it was.

Each partial is a file of its own, written whole or not at all, whose name is a hash of the plan and of what identifies
the split's contents (file, size, time of change, row groups). So what belongs to other data, other columns or another
version is never taken, a retried split replaces its own file, and nothing is counted twice.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ...errors import DataError, InputError
from ...files import write_whole
from ..states import SCHEMA
from .partial import Partial
from .plan import Plan
from .split import Split


class Store:
    """The partials of one plan in a directory, which is made if it does not exist.

    Raises:
        DataError: There is no such directory, and it cannot be made.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder, self._plan = folder, plan
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"resume={str(folder)!r} cannot be made a directory: {error.strerror or error}") from None

    def load(self, split: Split) -> Partial | None:
        """Return the partial of a split, or None where there is none that can be read."""
        try:
            return Partial.from_bytes(self._path(split).read_bytes())
        except (OSError, DataError):
            return None  # a damaged file is computed again and replaced

    def save(self, split: Split, partial: Partial) -> None:
        """Keep the partial of a split.

        Raises:
            DataError: It cannot be written, as the disk is full for example; what was there stays.
        """
        write_whole(self._path(split), partial.to_bytes())

    def _path(self, split: Split) -> Path:
        if split.identity is None:
            raise InputError(
                "resume= needs a source whose pieces can be told apart in the next run: files, not streams or batches"
            )
        what = {"schema": SCHEMA, "plan": self._plan.fingerprint(), "key": split.key, "split": split.identity}
        digest = hashlib.blake2b(json.dumps(what, sort_keys=True).encode(), digest_size=16).hexdigest()
        return self._folder / f"{digest}.partial.json.gz"
