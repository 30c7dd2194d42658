"""Vectors, sparse vectors and records in Milvus, for indexes that are too large for one machine.

Milvus only proposes rows; order and scores come from the exact vectors, so that they are NumpyIndex's to the last digit.
Filters are made of numbers alone: no text of a user ever stands in an expression.
"""

from __future__ import annotations

import logging
import math
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy

from embeddings import EmbeddingError, Neighbor
from embeddings.in_memory import TIE, cosines, direction, nearest, write_vectors

if TYPE_CHECKING:
    from pymilvus import MilvusClient

    from embeddings import Vectors

MOST_ROWS = 16_384
"""How many rows Milvus returns for one search or query."""
EXACT_UP_TO = 100_000
"""Rows; a larger collection is searched approximately."""
KINDS = ("FLAT", "HNSW", "IVF_RABITQ", "DISKANN", "AUTOINDEX")
_SECONDS = 20.0  # for one call; pymilvus tries again until then
_SECONDS_TO_CONNECT = 3.0
_SECONDS_TO_LOAD = 3600.0
_SPARE = 16  # rows asked for beyond the last wanted one, in which its ties are found
_AT_ONCE = 1000  # rows written or fetched in one call
_CHARACTERS_AT_ONCE = 8_000_000  # a cluster takes 64 MB in one call
_CONTENT = 65_535  # bytes of a string

_NOT_THERE = (100, 101, 1600)  # no collection, one that is not loaded, no alias
_GONE = "Milvus does not answer; look whether it runs at the address in RAG_INDEX"


class EngineGone(EmbeddingError):
    """Nobody answers at the engine's address, or nobody in time."""


class NoCollection(EmbeddingError):
    """There is no collection, alias or row of that name."""


class EngineRefused(EmbeddingError):
    """The engine refuses a request, or does not do what it says."""


class Milvus:
    """A connection to a Milvus, or to a Milvus Lite in a file of this machine; safe to use from any thread."""

    def __init__(self, uri: str, token: str = "") -> None:
        from pymilvus import MilvusClient

        # pymilvus, and a Milvus Lite in this process, log a traceback for each error that they raise.
        for name in ("pymilvus", "grpc._server"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with translated():
            _check_reachable(uri)
            self.client: MilvusClient = MilvusClient(uri, token=token, timeout=_SECONDS)

    def close(self) -> None:
        """Close the connection; a Milvus Lite that was opened in this process ends with the process."""
        self.client.close()

    def target(self, alias: str) -> str:
        """Name the collection that an alias stands for; raises NoCollection."""
        with translated():
            return str(self.client.describe_alias(alias, timeout=_SECONDS)["collection_name"])

    def point(self, alias: str, collection: str) -> None:
        """Let an alias stand for a collection, from one moment to the next."""
        with translated():
            try:
                self.target(alias)
            except NoCollection:
                self.client.create_alias(collection, alias, timeout=_SECONDS)
            else:
                self.client.alter_alias(collection, alias, timeout=_SECONDS)

    def collections(self) -> list[str]:
        """List the names of all collections."""
        with translated():
            return sorted(self.client.list_collections(timeout=_SECONDS))

    def drop(self, collection: str) -> None:
        """Remove a collection, if it is there."""
        with translated():
            self.client.drop_collection(collection, timeout=_SECONDS)

    def create_vectors(self, name: str, dimension: int) -> None:
        """Create a collection of rows: a vector, a sparse one, the numbers that filters look at, and a text."""
        from pymilvus import DataType

        with translated():
            schema = self.client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("row", DataType.INT64, is_primary=True)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
            schema.add_field("words", DataType.SPARSE_FLOAT_VECTOR)
            for number in ("document", "outlet", "language", "opens", "closes", "key"):
                schema.add_field(number, DataType.INT64)
            schema.add_field("authors", DataType.ARRAY, element_type=DataType.INT64, max_capacity=4096)
            schema.add_field("content", DataType.VARCHAR, max_length=_CONTENT)
            self.client.create_collection(name, schema=schema, timeout=_SECONDS)

    def create_records(self, name: str) -> None:
        """Create a collection of numbered texts; Milvus wants a vector in each collection, so each has one of two numbers."""
        from pymilvus import DataType

        with translated():
            schema = self.client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("row", DataType.INT64, is_primary=True)
            schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
            schema.add_field("content", DataType.VARCHAR, max_length=_CONTENT)
            self.client.create_collection(name, schema=schema, timeout=_SECONDS)

    def insert(self, name: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Write rows into a collection and return their number."""
        written, some, characters = 0, [], 0
        for row in rows:
            some.append(dict(row))
            characters += len(row["content"])
            if len(some) == _AT_ONCE or characters > _CHARACTERS_AT_ONCE:
                written += self._insert(name, some)
                some, characters = [], 0
        return written + self._insert(name, some)

    def _insert(self, name: str, rows: list[dict[str, Any]]) -> int:
        with translated():
            return int(self.client.insert(name, rows, timeout=10 * _SECONDS)["insert_count"]) if rows else 0

    def finish(self, name: str, rows: int, kind: str = "") -> None:
        """Index a collection, load it and check that it holds so many rows; ``kind`` is one of KINDS, by size if empty."""
        sparse = "words" in self._fields(name)
        kind = kind if sparse and kind else "HNSW" if sparse and rows > EXACT_UP_TO else "FLAT"
        with translated():
            parameters = self.client.prepare_index_params()
            parameters.add_index("vector", index_type=kind, metric_type="IP", params=_building(kind, rows))
            if sparse:
                parameters.add_index("words", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
            self.client.flush(name, timeout=_SECONDS_TO_LOAD)
            self.client.create_index(name, parameters, timeout=_SECONDS_TO_LOAD)
            self.client.load_collection(name, timeout=_SECONDS_TO_LOAD)
        if (found := self.count(name)) != rows:
            raise EngineRefused(
                "Milvus holds {found} of {rows} rows that were written; run: rag build", found=found, rows=rows
            )

    def load(self, name: str) -> None:
        """Have a collection loaded; a cluster keeps it so, a Milvus Lite forgets when it ends. Raises NoCollection."""
        with translated():
            self.client.load_collection(name, timeout=_SECONDS_TO_LOAD)

    def count(self, name: str, where: str = "") -> int:
        """Count the rows of a collection that a filter lets through, all that were written before."""
        with translated():
            found = self.client.query(
                name,
                filter=where,
                output_fields=["count(*)"],
                consistency_level="Strong",
                timeout=_SECONDS_TO_LOAD,
            )
        return int(found[0]["count(*)"])

    def read(
        self, name: str, rows: Sequence[int], fields: Sequence[str], at_once: int = _AT_ONCE
    ) -> dict[int, dict[str, Any]]:
        """Read some fields of some rows; raises NoCollection where a row is missing."""
        found: dict[int, dict[str, Any]] = {}
        for first in range(0, len(rows), at_once):
            some = ",".join(str(int(row)) for row in rows[first : first + at_once])
            found |= {each["row"]: each for each in self.where(name, f"row in [{some}]", fields)}
        if missing := set(rows) - found.keys():
            raise NoCollection("{count} rows are missing in {name}", count=len(missing), name=name)
        return found

    def where(self, name: str, where: str, fields: Sequence[str]) -> list[dict[str, Any]]:
        """Read some fields of all rows that a filter lets through, MOST_ROWS at most."""
        with translated():
            found = self.client.query(
                name, filter=where, output_fields=["row", *fields], limit=MOST_ROWS, timeout=_SECONDS
            )
        return [dict(each) for each in found]

    def _fields(self, name: str) -> dict[str, Any]:
        with translated():
            return {each["name"]: each for each in self.client.describe_collection(name, timeout=_SECONDS)["fields"]}


class MilvusIndex:
    """The vectors of one collection, which does not change any more."""

    def __init__(self, milvus: Milvus, name: str) -> None:
        self.milvus, self.name = milvus, name
        milvus.load(name)
        fields = milvus._fields(name)
        try:
            self.dimension = int(fields["vector"]["params"]["dim"])
        except (KeyError, TypeError, ValueError) as error:
            raise NoCollection("{name} holds no vectors of ours", name=name) from error
        with translated():
            self._kind = str(milvus.client.describe_index(name, "vector", timeout=_SECONDS)["index_type"])
        self._count = milvus.count(name)

    def __len__(self) -> int:
        return self._count

    def search(self, vector: Vectors, k: int, allowed: Sequence[int] | None = None, where: str = "") -> list[Neighbor]:
        """Find the ``k`` nearest rows, best first, equal scores by row; ``where`` is a filter of numbers.

        Milvus returns MOST_ROWS at most.
        """
        question = direction(vector, self.dimension)
        if allowed is not None:
            where = f"row in [{','.join(str(int(row)) for row in allowed)}]"
        k = min(k, len(self) if allowed is None else len(allowed), MOST_ROWS)
        if k <= 0:
            return []
        width = min(k + _SPARE, len(self), MOST_ROWS)
        while True:
            found = self._search("vector", question.astype(numpy.float32).tolist(), width, where, ["vector"])
            scores = [each["distance"] for each in found]
            if len(found) < width or width in (len(self), MOST_ROWS) or scores[k - 1] - scores[-1] > TIE:
                break
            width = min(4 * width, len(self), MOST_ROWS)
        if not found:
            return []
        rows = numpy.array([each["row"] for each in found], dtype=numpy.int64)
        return nearest(_array([each["entity"]["vector"] for each in found]), rows, question, k)

    def search_sparse(self, weights: Mapping[int, float], k: int, where: str = "") -> list[Neighbor]:
        """Find the ``k`` rows whose sparse vector has the highest inner product with ``weights``, best first.

        Only rows that share a dimension are found; Milvus returns MOST_ROWS at most.
        """
        k = min(k, len(self), MOST_ROWS)
        if k <= 0 or not weights:
            return []
        found = self._search("words", dict(weights), k, where, [])
        return [Neighbor(each["row"], float(each["distance"])) for each in found if 0 < each["distance"] < math.inf]

    def scores(self, vector: Vectors, rows: Sequence[int]) -> list[float]:
        """Compute the exact cosine of a vector with each of the rows, as ``search`` gives it."""
        question = direction(vector, self.dimension)
        return [float(score) for score in cosines(self.fetch(rows), question)]

    def fetch(self, rows: Sequence[int]) -> Vectors:
        """Read the vectors of some rows as they were given."""
        found = self.milvus.read(self.name, list(rows), ["vector"])
        return _array([found[row]["vector"] for row in rows]).reshape(len(rows), self.dimension)

    def save(self, folder: Path) -> None:
        """Write a copy of all vectors into ``vectors.npy``, which an index of this machine opens."""
        parts = [self.fetch(range(first, min(first + _AT_ONCE, len(self)))) for first in range(0, len(self), _AT_ONCE)]
        write_vectors(folder, numpy.concatenate([numpy.zeros((0, self.dimension), numpy.float32), *parts]))

    def _search(self, field: str, vector: object, k: int, where: str, fields: list[str]) -> list[dict[str, Any]]:
        parameters = _searching(self._kind, k) if field == "vector" else {}
        with translated():
            (found,) = self.milvus.client.search(
                self.name,
                data=[vector],
                anns_field=field,
                limit=k,
                filter=where,
                output_fields=fields,
                search_params={"metric_type": "IP", "params": parameters},
                timeout=_SECONDS,
            )
        return list(found)


def _array(vectors: list[Any]) -> Vectors:
    return numpy.array(vectors, dtype=numpy.float32)


def _building(kind: str, rows: int) -> dict[str, object]:
    """Choose how an index is built; https://milvus.io/docs/index-explained.md has what each number does."""
    if kind == "HNSW":
        return {"M": 30, "efConstruction": 360}
    if kind == "IVF_RABITQ":
        return {"nlist": max(128, int(4 * math.sqrt(rows))), "refine": True, "refine_type": "SQ8"}
    return {}


def _searching(kind: str, k: int) -> dict[str, object]:
    if kind == "HNSW":
        return {"ef": min(32_768, max(256, 2 * k))}
    if kind == "IVF_RABITQ":
        return {"nprobe": 128, "refine_k": 4}
    if kind == "DISKANN":
        return {"search_list": max(200, 2 * k)}
    return {}


def _check_reachable(uri: str) -> None:
    """Raise EngineGone unless a server listens at an address; pymilvus would try for all its time."""
    where = urlsplit(uri)
    if where.hostname is not None:
        try:
            socket.create_connection((where.hostname, where.port or 19530), timeout=_SECONDS_TO_CONNECT).close()
        except OSError as error:
            raise EngineGone(_GONE) from error


@contextmanager
def translated() -> Iterator[None]:
    """Raise EngineGone, NoCollection or EngineRefused for what Milvus raises."""
    import grpc
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except (grpc.RpcError, grpc.FutureTimeoutError) as error:
        raise EngineGone(_GONE) from error
    except MilvusException as error:
        text = str(error)
        if error.code in _NOT_THERE or "not found" in text or "does not exist" in text or "not exist" in text:
            raise NoCollection("Milvus has no collection of that name; run: rag build") from error
        if any(sign in text for sign in ("UNAVAILABLE", "DEADLINE", "connect", "Retry", "timeout", "closed channel")):
            raise EngineGone(_GONE) from error
        if "auth" in text.lower() or "permission" in text.lower():
            raise EngineRefused("Milvus refuses the login; set RAG_MILVUS_TOKEN to user:password or a key") from error
        raise EngineRefused(
            "Milvus refuses the request (code {code}); look into its log, or run: rag build", code=error.code
        ) from error
