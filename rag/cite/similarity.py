"""Compare texts by meaning, on one scale for every embedding model; what was embedded is remembered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from embeddings.kinds import Kinds
from rag.errors import EmbedderError

if TYPE_CHECKING:
    from embeddings import Embedder, Vectors

# No two have anything to do with each other; in several languages, since models put those nearer that share one.
_UNRELATED = (
    "The ferry leaves the harbour at noon.", "Steel prices fell by a tenth.", "My sister plays the violin.",
    "A new vaccine was tested on mice.", "Суд отклонил жалобу в понедельник.", "Пчёлы спят всю зиму.",
    "Для теста нужны два яйца.", "Телескоп нашёл далёкую галактику.", "Қар тау жолын жапты.", "Шабуылшы екі гол соқты.",
    "Der Minister trat nach der Abstimmung zurück.", "Este cuadro cuelga en un museo pequeño.",
    "Cette mise à jour corrige trois erreurs.",
)  # fmt: skip
_REMEMBERED = 16384
_learned: WeakKeyDictionary[Embedder, dict[str, Kinds]] = WeakKeyDictionary()
_learning = threading.Lock()


class Similarity:
    """Compares texts by their vectors; safe to use from any thread.

    0 is what unrelated texts reach with the model, 1 the same text: a cosine of 0.8 means nothing to multilingual-e5-small,
    which gives it to any two texts, and much to all-MiniLM-L6-v2. Sentences recur from question to question, and embedding
    them is most of an answer's time.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()

    def to_question(self, question: str, texts: Sequence[str]) -> list[float]:
        """Compare a question with texts, from 0 to 1; raises EmbedderError."""
        with EmbedderError.translated():
            vector = self._embedder.embed_query(question)
        return [float(each) for each in self.scaled(self.vectors(texts) @ vector)]

    def between(self, texts: Sequence[str], others: Sequence[str]) -> Vectors:
        """Compare texts with others, from 0 to 1, shape (len(texts), len(others)). Raises EmbedderError."""
        return self.scaled(self.vectors(texts) @ self.vectors(others).T)

    def scaled(self, cosines: Vectors | Sequence[float]) -> Vectors:
        """Rescale the model's cosines: 0 for unrelated texts, 1 for the same."""
        import numpy

        scaled = (numpy.asarray(cosines, dtype=numpy.float32) - self._unrelated) / (1 - self._unrelated)
        return scaled.clip(0, 1)

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Embed texts, shape (len(texts), dimension), new ones only; raises EmbedderError."""
        import numpy

        with self._lock:
            found = {text: self._vectors[text] for text in texts if text in self._vectors}
        if missing := [text for text in dict.fromkeys(texts) if text not in found]:
            found.update(zip(missing, self.embed(missing), strict=True))
            with self._lock:
                self._vectors.update({text: found[text] for text in missing})
                while len(self._vectors) > _REMEMBERED:
                    self._vectors.popitem(last=False)
        return numpy.stack([found[text] for text in texts])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed texts without remembering them; raises EmbedderError."""
        with EmbedderError.translated():
            return self._embedder.embed_documents([self._readable(text) for text in texts])

    def kinds(self, name: str, examples: Callable[[], Mapping[str, str]], taken: float) -> Kinds:
        """Learn kinds of texts from examples, once for each embedder; others wait for them. Raises EmbedderError."""
        with _learning:
            known = _learned.setdefault(self._embedder, {})
            if name not in known:
                known[name] = Kinds(name, examples(), taken, self.embed, [self._embedder.fingerprint])
            return known[name]

    @cached_property
    def _unrelated(self) -> float:
        """Return the median cosine of texts that have nothing in common."""
        import numpy

        vectors = self.vectors(_UNRELATED)
        pairs = numpy.triu_indices(len(vectors), 1)
        return min(0.99, max(0.0, float(numpy.median((vectors @ vectors.T)[pairs]))))

    def _readable(self, text: str) -> str:
        """Cut a text to what the embedding model reads. What a chat model writes has no greatest length."""
        while (
            len(text) > self._embedder.max_tokens and self._embedder.count_tokens([text])[0] > self._embedder.max_tokens
        ):
            text = text[: len(text) * 3 // 4]
        return text
