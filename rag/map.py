"""The passages of an index as points of a plane, worked out when somebody first looks at them and then kept with the index.

A build does not wait for them: few readers look, and thousands of passages take some seconds. They lie in the generation's own
folder and go with it. What its manifest lists is never touched; ``map`` is not listed, for it can be worked out again:
32 bytes of SHA-256 over the method's version and the points, then the points, two float32 each, in the order of the rows.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rag.index import Index
from rag.types import Header, Passage

if TYPE_CHECKING:
    from embeddings import Vectors
    from embeddings.projection import Points

log = logging.getLogger(__name__)

FILE = "map"
_DIGEST = 32


@dataclass(frozen=True, eq=False)
class PassageMap:
    """Passages as points of the unit square: ``points[i]``, of shape (2,), belongs to row ``rows[i]`` of the index.

    Of a very large index a fixed sample is shown, of each article a passage if possible.
    """

    index: Index
    rows: tuple[int, ...]
    points: Points

    @cached_property
    def passages(self) -> list[tuple[Passage, Header]]:
        """The passage of each point with its article's header."""
        return self.index.passages(self.rows)

    def place(self, vector: Vectors) -> tuple[float, float]:
        """Where a vector, such as a question's, belongs among the points; these stay where they are."""
        from embeddings.projection import place

        return place(vector, self._vectors, self.points)

    def places(self, rows: Sequence[int]) -> list[tuple[float, float]]:
        """Where rows of the index are, also those that are not among the points."""
        shown = {row: (float(x), float(y)) for row, (x, y) in zip(self.rows, self.points, strict=True)}
        return [shown[row] if row in shown else self.place(self.index.vectors.fetch([row])[0]) for row in rows]

    @cached_property
    def _vectors(self) -> Vectors:
        return self.index.vectors.fetch(self.rows)


def passage_map(index: Index) -> PassageMap:
    """The map of an index: as it was kept, or worked out anew, which takes a quarter of a minute for 5,000 passages.

    Where the disk takes nothing it is worked out each time.
    """
    from embeddings.projection import project, sample

    rows = sample(index.article_numbers())
    points = _read(index.path / FILE, len(rows))
    if points is None:
        points = project(index.vectors.fetch(rows.tolist()))
        _keep(index.path / FILE, points)
    return PassageMap(index, tuple(map(int, rows)), points)


def _read(path: Path, count: int) -> Points | None:
    """The points that were kept, unless they are damaged, of another number or placed by another method."""
    import numpy

    try:
        kept = path.read_bytes() if path.stat().st_size == _DIGEST + 8 * count else b""
    except OSError:
        return None
    if not kept or kept[:_DIGEST] != _digest(kept[_DIGEST:]):
        return None
    return numpy.frombuffer(kept[_DIGEST:], dtype="<f4").reshape(count, 2)


def _keep(path: Path, points: Points) -> None:
    """Writes the points beside and renames, so that nobody ever reads half of them."""
    import numpy

    data = numpy.ascontiguousarray(points, dtype="<f4").tobytes()
    temporary = path.with_name(f"{FILE}-{secrets.token_hex(4)}.tmp")
    try:
        temporary.write_bytes(_digest(data) + data)
        temporary.replace(path)
    except OSError as error:
        log.info("the map could not be kept: %s", error.strerror)
        temporary.unlink(missing_ok=True)


def _digest(data: bytes) -> bytes:
    from embeddings.projection import PROJECTION_VERSION

    return hashlib.sha256(PROJECTION_VERSION.encode() + b"\0" + data).digest()
