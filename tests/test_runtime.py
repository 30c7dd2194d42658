"""The encoder without torch, and its tokenizer: the same numbers as slower, plainer ways."""

from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings import EmbeddingError, open_embedder, open_span_reader
from embeddings.runtime import Encoder, bundled, learned, open_multilingual
from embeddings.span_reader import ADAPTERS
from embeddings.unigram import SPECIAL, UnigramTokenizer, Vocabulary, model_file
from embeddings.weights import WORDS, Weights, multilingual_folder, unpack_blocks

WIDTH, INNER = 64, 96


def tiny_weights(heads: int = 4, layers: int = 2) -> Weights:
    """Random weights, in four bits where the real ones are."""
    numbers = numpy.random.default_rng(5)
    shapes = {"attention.self.query": (WIDTH, WIDTH), "attention.self.key": (WIDTH, WIDTH)}
    shapes |= {"attention.self.value": (WIDTH, WIDTH), "attention.output.dense": (WIDTH, WIDTH)}
    shapes |= {"intermediate.dense": (INNER, WIDTH), "output.dense": (WIDTH, INNER)}
    norms = ("attention.output.LayerNorm", "output.LayerNorm")
    plain = {"embeddings.position_embeddings.weight": numbers.normal(size=(20, WIDTH))}
    plain |= {"embeddings.token_type_embeddings.weight": numbers.normal(size=(2, WIDTH))}
    packed = {}
    for place in ["embeddings.LayerNorm", *(f"encoder.layer.{n}.{norm}" for n in range(layers) for norm in norms)]:
        plain |= {f"{place}.weight": numbers.normal(1, 0.2, WIDTH), f"{place}.bias": numbers.normal(size=WIDTH)}
    for place, (rows, columns) in ((f"encoder.layer.{n}.{m}", s) for n in range(layers) for m, s in shapes.items()):
        blocks = numbers.integers(0, 256, (rows, columns // 32, 18), dtype=numpy.uint8)
        blocks[..., :2] = numbers.normal(0, 0.02, (rows, columns // 32, 1)).astype("<f2").view(numpy.uint8)
        packed[f"{place}.weight"] = blocks
        plain |= {
            f"{place}.weight": unpack_blocks(blocks.reshape(-1, 18)).reshape(rows, columns),
            f"{place}.bias": numbers.normal(0, 0.1, rows),
        }
    table = numbers.normal(size=(30, WIDTH)).astype(numpy.float32)
    tensors = {name: tensor.astype(numpy.float32) for name, tensor in plain.items()}
    return Weights(heads, frozenset(tensors), tensors.__getitem__, lambda ids: table[ids], packed.get, "")


IDS = [[1, 2, 3, 4, 5, 6, 7], [8, 9, 10], [29]]


def test_hidden_states_are_those_of_transformers() -> None:
    import torch
    from transformers import BertConfig, BertModel

    weights = tiny_weights()
    config = BertConfig(
        vocab_size=30,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=INNER,
        max_position_embeddings=20,
        layer_norm_eps=1e-12,
        attn_implementation="eager",
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    tensors = {name: torch.from_numpy(weights.tensor(name)) for name in weights.names}
    model.load_state_dict({**tensors, WORDS: torch.from_numpy(weights.words(numpy.arange(30)))})
    states, mask = Encoder(weights, precision="f32").hidden(IDS)
    assert mask.sum(axis=1).tolist() == [7, 3, 1]
    for ids, found in zip(IDS, states, strict=True):
        with torch.inference_mode():
            expected = model(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()
        assert found[: len(ids)] == pytest.approx(expected, abs=1e-4)


def test_four_bit_weights_compute_what_their_values_do() -> None:
    weights = tiny_weights()
    compact, _ = Encoder(weights, precision="f32").hidden(IDS)
    whole, _ = Encoder(weights._replace(packed=lambda _: None), precision="f32").hidden(IDS)
    assert compact[0] == pytest.approx(whole[0], abs=1e-5)


def test_adapters_are_added_to_the_weights() -> None:
    numbers, weights = numpy.random.default_rng(2), tiny_weights()
    name = "encoder.layer.1.intermediate.dense"
    down = numbers.normal(size=(3, WIDTH)).astype(numpy.float32)
    up = numbers.normal(0, 0.1, (INNER, 3)).astype(numpy.float32)
    merged = {f"{name}.weight": weights.tensor(f"{name}.weight") + up @ down}
    changed = weights._replace(
        tensor=lambda wanted: merged[wanted] if wanted in merged else weights.tensor(wanted),
        packed=lambda wanted: None if wanted in merged else weights.packed(wanted),
    )
    encoder = Encoder(weights, {name: (down, up)}, precision="f32")
    for adapted, same in ((True, changed), (False, weights), (True, changed)):
        found, _ = encoder.hidden(IDS, adapted)
        expected, _ = Encoder(same, precision="f32").hidden(IDS)
        assert found[0] == pytest.approx(expected[0], abs=1e-4)


@pytest.mark.parametrize("threads", ["1", "3"])
def test_batches_of_several_callers_come_in_their_order(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    encoder = Encoder(tiny_weights(), precision="f32")
    several = [[[n % 30, (n * 7) % 30], [n % 11] * (1 + n % 9)] for n in range(40)]
    expected = [encoder.hidden(ids)[0] for ids in several]

    def read(part: int) -> bool:
        states = encoder.each(several[part:])
        found = [hidden for hidden, _ in (states if part % 2 else islice(states, 5))]  # some read no further
        return all((one == other).all() for one, other in zip(found, expected[part:], strict=False)) and len(found) >= 5

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(32)))


def test_a_failed_batch_leaves_the_encoder_usable() -> None:
    encoder = Encoder(tiny_weights(), precision="f32")
    before, _ = encoder.hidden(IDS)
    for _ in range(6):  # more often than there are requests
        with pytest.raises(IndexError):
            list(encoder.each([IDS, [[99]], IDS]))  # there is no such token
    assert (encoder.hidden(IDS)[0] == before).all()


def test_the_reader_and_the_embedder_share_an_encoder_that_embeds_as_one_without_adapters() -> None:
    texts = ["The ferry leaves at noon.", "Қала әкімі көпірді жапты.", "Bees sleep."]
    plain = open_multilingual(precision="f32").embed_documents(texts)
    shared = open_embedder("bundled").embed_documents(texts)
    assert (plain * shared).sum(axis=1).min() > 0.9995
    open_span_reader("bundled").read("When does the ferry leave?", [("", texts[0])])
    assert (open_embedder("bundled").embed_documents(texts) == shared).all()


def test_damaged_adapters_say_what_to_type(tmp_path: Path) -> None:
    (tmp_path / "reader.safetensors").write_bytes(ADAPTERS.read_bytes()[:-100])
    with pytest.raises(EmbeddingError, match="type 'pip install --force-reinstall"):
        learned(tmp_path / "reader.safetensors")


def test_a_missing_runtime_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(EmbeddingError, match="pip install openvino"):
        Encoder(tiny_weights())


@pytest.fixture(scope="module")
def tokenizer() -> UnigramTokenizer:
    return bundled()[1]


class TestTokenizer:
    def test_the_model_file_is_what_a_slow_writer_writes(self) -> None:
        def message(field: int, content: bytes) -> bytes:
            assert len(content) < 128
            return bytes([field << 3 | 2, len(content)]) + content

        pieces = [(piece, -0.5 * place) for place, piece in enumerate((*SPECIAL, "▁a", "b", "▁wörter", "東京"))]
        slow = b""
        for place, (piece, score) in enumerate(pieces):
            kind = (b"", b"\x18\x02", b"\x18\x03")[(place < 5) + (place < 5 and piece != "<unk>")]
            slow += message(1, message(1, piece.encode()) + b"\x15" + numpy.float32(score).tobytes() + kind)
        assert model_file(Vocabulary.of(pieces)).startswith(slow)
        assert Vocabulary.of(pieces).pieces() == pieces

    def test_ids_are_those_of_the_published_tokenizer(self, tokenizer: UnigramTokenizer) -> None:
        from tokenizers import Tokenizer

        reference = Tokenizer.from_file(str(multilingual_folder() / "tokenizer.json"))
        for text in (
            "The tram company of Port Velm employs 412 people.",
            "Мэр Илзе Крамер открыла депо   во вторник\n — оно стоило 1,9 млрд.",
            "湖の水位は下がった。 ﬁrst №5 ½ Ａ１ e\u0301t\u00e9 \N{NO-BREAK SPACE} مستوى البحيرة",
            "",
        ):
            expected = reference.encode(text, add_special_tokens=False)
            assert tokenizer.ids(text) == expected.ids
            tokens = tokenizer.tokens(text)
            assert tokens.ids == expected.ids
            for start, end, piece, place in zip(
                tokens.starts, tokens.ends, expected.tokens, expected.offsets, strict=True
            ):
                assert (start, end) == (place if piece != "▁" else (start, start))  # a space alone takes no letter

    @settings(max_examples=60, deadline=None)
    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
    def test_tokens_stand_in_order_in_the_text(self, tokenizer: UnigramTokenizer, text: str) -> None:
        tokens = tokenizer.tokens(text)
        assert len(tokens.ids) == len(tokens.starts) == len(tokens.ends)
        assert all(0 <= start <= end <= len(text) for start, end in zip(tokens.starts, tokens.ends, strict=True))
        assert tokens.starts == sorted(tokens.starts)

    @settings(max_examples=60, deadline=None)
    @given(st.text(st.sampled_from("ab é\u0301ﬁ½ 5\n한\u1100\u1161東"), max_size=30))
    def test_every_letter_belongs_to_a_token(self, tokenizer: UnigramTokenizer, text: str) -> None:
        tokens = tokenizer.tokens(text)
        covered = {place for start, end in zip(tokens.starts, tokens.ends, strict=True) for place in range(start, end)}
        letters = {place for place, letter in enumerate(text) if not letter.isspace()}
        assert all(unicodedata.combining(text[place]) or text[place] in "\u1161\u0301" for place in letters - covered)

    def test_special_tokens_are_not_made_of_text(self, tokenizer: UnigramTokenizer) -> None:
        assert not {0, 1, 2}.intersection(tokenizer.ids("<s> </s> <pad> a"))


def test_where_an_unpacked_model_lies_is_no_part_of_the_project() -> None:
    assert not multilingual_folder().is_relative_to(Path(__file__).parent.parent)
