"""How fast the bundled model embeds, and what each kind of vector index costs and finds on the vectors of real sentences.

    python benchmarks/vectors.py [FOLDER] [--sentences 16000] [--copies 1] [--skip-model]

FOLDER holds plain text (.txt, .md); the more the better, ten thousand sentences make recall mean something. With ``--copies``
every vector appears so many times, each copy moved a little, to see larger sizes without embedding more. All searches run on
one thread, and times are medians. The embedder is timed in turns with the library's own ``encode``, in CPU seconds, so that
other work on the machine does not show.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch and FAISS are loaded

import numpy

from embeddings import Embedder, VectorIndex, create_vector_index, open_embedder
from embeddings.in_memory import nearest

K = 10


def main() -> None:
    """Measures the embedder, then the indexes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("seeds"))
    parser.add_argument("--sentences", type=int, default=16_000)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--skip-model", action="store_true")
    options = parser.parse_args()

    sentences = _sentences(options.folder)[: options.sentences]
    embedder = _open()
    if not options.skip_model:
        _measure_model(embedder, sentences)
    vectors = embedder.embed_documents(sentences)
    asked = slice(None, None, max(1, len(sentences) // 300))
    questions = numpy.stack([embedder.embed_query(" ".join(text.split()[:8])) for text in sentences[asked]])
    _measure_indexes(_copied(vectors, options.copies), questions)


def _sentences(folder: Path) -> list[str]:
    texts = [path.read_text("utf-8", "replace") for path in sorted(folder.rglob("*")) if path.suffix in {".txt", ".md"}]
    parts = (part for text in texts for part in re.split(r"(?<=[.!?])\s+|\n\n+", text))
    return [part for part in parts if 20 < len(part) < 700]


def _open(name: str = "bundled") -> Embedder:
    started, cpu = time.perf_counter(), time.process_time()
    embedder = open_embedder(name)
    embedder.embed_query("The first question loads what is loaded late.")
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    print(f"{name}: import, load, first question {seconds:6.2f} s, {cpu:.2f} of CPU, {_resident():.0f} MB")
    return embedder


def _measure_model(embedder: Embedder, sentences: Sequence[str]) -> None:
    reference = _open("bundled-torch")
    counts = embedder.count_tokens(sentences)
    short = sentences[:300]
    passages = [" ".join(sentences[start : start + 6]) for start in range(0, len(sentences), 6)][:400]
    passages = [text for text, count in zip(passages, embedder.count_tokens(passages), strict=True) if count <= 256][
        :100
    ]
    for name, texts in (("sentences", short), ("passages", passages)):
        tokens = statistics.mean(embedder.count_tokens(texts))
        ours, plain = [], []
        for _ in range(3):
            ours.append(len(texts) / _cpu(embedder.embed_documents, texts))
            plain.append(len(texts) / _cpu(reference.embed_documents, texts))
        rate, ratio = statistics.median(ours), statistics.median(a / b for a, b in zip(ours, plain, strict=True))
        print(
            f"{name} of {tokens:.0f} tokens: {rate:.1f} per CPU second, {ratio:.2f} of torch in fp32; "
            f"top {K} agreement {_agreement(embedder.embed_documents(texts), reference.embed_documents(texts)):.3f}"
        )
    print(f"counting tokens: {sum(counts) / _cpu(embedder.count_tokens, sentences):,.0f} per CPU second")
    asked = [" ".join(text.split()[: 4 + place % 20]) for place, text in enumerate(sentences)]
    asked = (asked * (2000 // len(asked) + 1))[:2000]
    memory = [_resident()]
    times = []
    for place, question in enumerate(asked, start=1):
        times.append(_cpu(embedder.embed_query, question))
        if place % 500 == 0:
            memory.append(_resident())
    print(f"a question: {1000 * statistics.median(times):.1f} ms of CPU")
    print(f"memory before and after each 500 questions: {' '.join(f'{size:.0f}' for size in memory)} MB")


def _agreement(one: Any, other: Any) -> float:
    """Compare the nearest neighbours of each vector among its own kind: the share that both have."""
    near = [numpy.argsort(-(vectors @ vectors.T), axis=1)[:, 1 : K + 1] for vectors in (one, other)]
    return float(numpy.mean([len({*a} & {*b}) / K for a, b in zip(*near, strict=True)]))


def _measure_indexes(vectors: Any, questions: Any) -> None:
    import faiss

    faiss.omp_set_num_threads(1)
    count, dimension = vectors.shape
    print(f"\n{count:,} vectors, {len(questions)} questions, k = {K}")
    print(f"{'index':<34}{'build s':>8}{'MB':>8}{'p50 ms':>8}{'recall':>8}")
    exact = create_vector_index(vectors, approximate_above=count)
    truth = [{row for row, _ in exact.search(question, K)} for question in questions]

    def show(name: str, seconds: float, size: float, search: Callable[[Any], set[int]]) -> None:
        times, found = [], 0
        for question, wanted in zip(questions, truth, strict=True):
            started = time.perf_counter()
            rows = search(question)
            times.append(time.perf_counter() - started)
            found += len(rows & wanted)
        recall = found / (K * len(questions))
        print(f"{name:<34}{seconds:8.2f}{size:8.1f}{1000 * statistics.median(times):8.2f}{recall:8.4f}", flush=True)

    def ours(index: VectorIndex) -> Callable[[Any], set[int]]:
        return lambda question: {row for row, _ in index.search(question, K)}

    def theirs(index: Any, parameters: Any = None, candidates: int = 0) -> Callable[[Any], set[int]]:
        def search(question: Any) -> set[int]:
            rows = index.search(question[None], max(K, candidates), params=parameters)[1][0]
            best = nearest(vectors, rows[rows >= 0], question.astype(numpy.float64), K) if candidates else None
            return {int(row) for row in rows} if best is None else {row for row, _ in best}

        return search

    show("Footnote, exact", 0.0, vectors.nbytes / 1e6, ours(exact))
    started = time.perf_counter()
    approximate = create_vector_index(vectors, approximate_above=0)
    show("Footnote, approximate", time.perf_counter() - started, _size(approximate._index), ours(approximate))  # type: ignore[attr-defined]
    library: Any = faiss  # its type hints do not know the parameters
    kinds: list[tuple[str, Any, int]] = [
        ("RaBitQfs", None, 100),
        ("RaBitQfs", None, 300),
        ("RaBitQfs,Refine(SQ8)", library.IndexRefineSearchParameters(k_factor=30.0), 0),
        (f"PQ{dimension // 2}x4fs", None, 100),
        ("SQ8", None, 0),
        ("SQ8", None, 100),
        ("HNSW32,Flat", library.SearchParametersHNSW(efSearch=128), 0),
        (f"IVF{max(1, min(256, count // 39))},Flat", library.SearchParametersIVF(nprobe=16), 0),
    ]
    for factory, parameters, candidates in kinds:
        started = time.perf_counter()
        index = faiss.index_factory(dimension, factory, faiss.METRIC_INNER_PRODUCT)
        index.train(vectors)
        index.add(vectors)
        seconds = time.perf_counter() - started
        name = f"{factory} + exact of {candidates}" if candidates else factory
        show(name, seconds, _size(index), theirs(index, parameters, candidates))


def _copied(vectors: Any, copies: int) -> Any:
    random = numpy.random.default_rng(0)
    step = 0.5 / vectors.shape[1] ** 0.5
    moved = [vectors + step * random.standard_normal(vectors.shape, dtype=numpy.float32) for _ in range(copies - 1)]
    together = numpy.concatenate([vectors, *moved])
    return together / numpy.linalg.norm(together, axis=1, keepdims=True)


def _size(index: Any) -> float:
    import faiss

    return float(faiss.serialize_index(index).nbytes) / 1e6


def _cpu(call: Callable[..., object], *arguments: object, **settings: object) -> float:
    started = time.process_time()
    call(*arguments, **settings)
    return time.process_time() - started


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
