"""Any sentence-transformers CrossEncoder as a reranker: it reads a question and a text together; nothing pickled is loaded.

Like an embedder's, the model belongs to one thread: calls from others queue up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from embeddings import EmbeddingError

Result = TypeVar("Result")

_REMEDY = "choose another with RAG_RERANKER, or set it to 'off'"
_BATCH = 8


class CrossEncoderReranker:
    """A CrossEncoder from ``folder``, called ``name``; what is longer than it reads is cut at the text's end.

    Raises EmbeddingError for a folder without safetensors weights, a model that does not give one score, and whatever else
    keeps it from loading.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reranker")
        if not (folder / "model.safetensors").is_file() and not (folder / "model.safetensors.index.json").is_file():
            raise EmbeddingError(
                "The reranker {name} has no weights in safetensors form; {message}", name=name, message=_REMEDY
            )
        self._model = self._run(_load, folder)
        if self._model.num_labels != 1:
            raise EmbeddingError(
                "The reranker {name} tells {classes} classes, not one score; {message}",
                name=name,
                classes=self._model.num_labels,
                message=_REMEDY,
            )

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """Return how well each text answers the question, from 0 to 1: the logistic function of the model's output."""
        return self._run(self._scores, question, list(texts)) if texts else []

    def _scores(self, question: str, texts: list[str]) -> list[float]:
        from torch.nn import Sigmoid

        pairs = [(question, text) for text in texts]
        scores = self._model.predict(pairs, batch_size=_BATCH, show_progress_bar=False, activation_fn=Sigmoid())
        return [float(score) for score in scores]

    def _run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Return the result of ``work`` in the thread that owns the model, foreign errors translated."""
        try:
            return self._worker.submit(work, *arguments).result()
        except Exception as error:
            raise EmbeddingError(
                "The reranker {name} failed ({kind}); {message}",
                name=self.name,
                kind=type(error).__name__,
                message=_REMEDY,
            ) from error


def _load(folder: Path) -> Any:
    from embeddings.sentence_transformer import import_library

    import_library()
    from sentence_transformers import CrossEncoder

    return CrossEncoder(
        str(folder),
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"use_safetensors": True, "dtype": "float32"},
    )
