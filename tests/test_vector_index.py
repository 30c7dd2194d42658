"""Vector indexes: one contract for all of them, against a reference of plain sums, and what is refused when opened."""

from __future__ import annotations

import math
import pickle
import secrets
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from embeddings import EmbeddingError, Neighbor, VectorIndex, create_vector_index, open_vector_index
from embeddings.in_memory import NumpyIndex
from embeddings.milvus_index import Milvus, MilvusIndex

ROOT = Path(__file__).parent.parent
Vectors = Any


def unit(vectors: Vectors) -> Vectors:
    return (vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)).astype(numpy.float32)


def sample(count: int, dimension: int, seed: int) -> Vectors:
    """Vectors that mostly vary in 16 directions, the same for every seed: text, too, fills few of its dimensions."""
    random = numpy.random.default_rng(seed)
    directions = numpy.random.default_rng(0).standard_normal((16, dimension))
    return unit(random.standard_normal((count, 16)) @ directions + 0.5 * random.standard_normal((count, dimension)))


def reference(vectors: Vectors, question: Vectors, k: int) -> list[Neighbor]:
    """Every product written out and added without rounding."""
    question = [float(number) for number in question]
    length = math.sqrt(math.fsum(number * number for number in question))
    dots = (math.fsum(a * b for a, b in zip(row, question, strict=True)) for row in vectors.tolist())
    scores = [round(dot / length, 6) for dot in dots]
    ranked = sorted(range(len(scores)), key=lambda row: (-scores[row], row))
    return [Neighbor(row, scores[row]) for row in ranked[: max(k, 0)]]


def in_numpy(vectors: Vectors, folder: Path) -> VectorIndex:
    return NumpyIndex(vectors)


def in_faiss(vectors: Vectors, folder: Path) -> VectorIndex:
    return create_vector_index(vectors)


def in_faiss_opened(vectors: Vectors, folder: Path) -> VectorIndex:
    create_vector_index(vectors).save(folder)
    return open_vector_index(folder)


def approximate(vectors: Vectors, folder: Path) -> VectorIndex:
    return create_vector_index(vectors, approximate_above=0)


def approximate_opened(vectors: Vectors, folder: Path) -> VectorIndex:
    create_vector_index(vectors, approximate_above=0).save(folder)
    return open_vector_index(folder)


def in_milvus(vectors: Vectors, folder: Path) -> VectorIndex:
    pytest.importorskip("milvus_lite")
    milvus = lite(folder)
    name = f"v{secrets.token_hex(4)}"
    milvus.create_vectors(name, vectors.shape[1])
    plain = dict.fromkeys(("document", "outlet", "language", "opens", "closes", "key"), 0)
    rows = (
        {"row": row, "vector": vector.tolist(), "words": {1: 1.0}, "authors": [], "content": "", **plain}
        for row, vector in enumerate(vectors)
    )
    milvus.finish(name, milvus.insert(name, rows))
    return MilvusIndex(milvus, name)


@lru_cache(maxsize=1)
def lite(folder: Path) -> Milvus:
    """One Milvus Lite for a test, in its own folder."""
    return Milvus(str(folder / "lite.db"))


Make = Callable[[Vectors, Path], VectorIndex]
EXACT = [in_numpy, in_faiss, in_faiss_opened]
ALL = [*EXACT, approximate, approximate_opened, in_milvus]
DIRECTIONS = arrays.arrays(numpy.float32, 4, elements=st.sampled_from([-2.0, -1.0, 0.0, 1.0, 3.0])).filter(numpy.any)


@pytest.mark.parametrize("make", ALL)
class TestContract:
    """What every index promises; with few vectors the approximate ones look at all of them."""

    def test_rows_and_scores_are_the_references(self, make: Make, tmp_path: Path) -> None:
        vectors = sample(150, 24, seed=1)
        index = make(vectors, tmp_path)
        assert len(index) == 150
        for question in sample(10, 24, seed=2):
            for k in (1, 7, 150):
                assert index.search(question, k) == reference(vectors, question, k)

    def test_fewer_where_there_are_fewer(self, make: Make, tmp_path: Path) -> None:
        index = make(numpy.eye(3, dtype=numpy.float32), tmp_path)
        question = numpy.array([0.6, 0.0, 0.8], dtype=numpy.float32)
        assert index.search(question, 99) == [(2, 0.8), (0, 0.6), (1, 0.0)]
        assert index.search(question, 0) == []
        assert index.search(question, -1) == []

    def test_a_question_of_another_length_gets_the_same_cosines(self, make: Make, tmp_path: Path) -> None:
        index = make(numpy.eye(3, dtype=numpy.float32), tmp_path)
        assert index.search(numpy.array([6, 0, 8], dtype=numpy.float64), 1) == [(2, 0.8)]

    def test_vectors_come_back_as_they_were_given(self, make: Make, tmp_path: Path) -> None:
        vectors = sample(40, 16, seed=3)
        index = make(vectors, tmp_path)
        found = index.fetch([7, 0, 39, 7])
        assert found.dtype == numpy.float32
        assert index.dimension == 16
        numpy.testing.assert_array_equal(found, vectors[[7, 0, 39, 7]])
        assert index.fetch([]).shape == (0, 16)

    def test_scores_are_those_of_a_search(self, make: Make, tmp_path: Path) -> None:
        vectors = sample(150, 24, seed=21)
        index = make(vectors, tmp_path)
        for question in sample(5, 24, seed=22):
            found = reference(vectors, 3 * question, 150)
            assert index.scores(3 * question, [row for row, _ in found]) == [score for _, score in found]
        assert index.scores(question, []) == []

    def test_only_allowed_rows_are_found(self, make: Make, tmp_path: Path) -> None:
        vectors = sample(150, 24, seed=23)
        index = make(vectors, tmp_path)
        for question in sample(5, 24, seed=24):
            for allowed in ([], [149], list(range(0, 150, 7)), list(range(150))):
                expected = [each for each in reference(vectors, question, 150) if each.row in allowed]
                for k in (0, 1, 9, 200):
                    assert index.search(question, k, allowed) == expected[:k]

    @pytest.mark.parametrize("question", [[math.nan, 0, 0], [math.inf, 0, 0], [0, 0, 0], [1, 0], [[1, 0, 0]]])
    def test_questions_without_a_direction_are_refused(self, make: Make, tmp_path: Path, question: list[float]) -> None:
        index = make(numpy.eye(3, dtype=numpy.float32), tmp_path)
        with pytest.raises(EmbeddingError, match="RAG_EMBEDDER"):
            index.search(numpy.array(question, dtype=numpy.float32), 1)

    def test_twenty_threads_get_what_one_gets(self, make: Make, tmp_path: Path) -> None:
        index = make(sample(2000, 32, seed=4), tmp_path)
        questions = list(sample(100, 32, seed=5))
        alone = [index.search(question, 8) for question in questions]
        with ThreadPoolExecutor(20) as pool:
            assert list(pool.map(lambda question: index.search(question, 8), questions)) == alone


@pytest.mark.parametrize("make", EXACT)
class TestExact:
    @given(vectors=st.lists(DIRECTIONS, min_size=1, max_size=40), question=DIRECTIONS, k=st.integers(1, 45))
    @settings(max_examples=100, deadline=None)
    def test_equal_scores_come_by_row(
        self, make: Make, tmp_path_factory: pytest.TempPathFactory, vectors: list[Vectors], question: Vectors, k: int
    ) -> None:
        rows = unit(numpy.array(vectors))
        found = make(rows, tmp_path_factory.mktemp("index")).search(question, k)
        assert found == reference(rows, question, k)

    def test_ties_across_the_border_come_by_row(self, make: Make, tmp_path: Path) -> None:
        vectors = numpy.tile(sample(1, 24, seed=6), (700, 1))
        vectors[650] = sample(1, 24, seed=7)
        index = make(vectors, tmp_path)
        assert [row for row, _ in index.search(vectors[0], 5)] == [0, 1, 2, 3, 4]
        assert [row for row, _ in index.search(vectors[650], 3)] == [650, 0, 1]

    def test_an_empty_index_finds_nothing(self, make: Make, tmp_path: Path) -> None:
        index = make(numpy.zeros((0, 8), dtype=numpy.float32), tmp_path)
        assert len(index) == 0
        assert index.dimension == 8
        assert index.search(numpy.ones(8, dtype=numpy.float32), 5) == []


@pytest.mark.parametrize("make", [approximate, approximate_opened])
def test_the_approximate_index_finds_nearly_all_and_scores_them_exactly(make: Make, tmp_path: Path) -> None:
    vectors = sample(6000, 128, seed=8)
    index, exact = make(vectors, tmp_path), NumpyIndex(vectors)
    found = wanted = 0
    for question in sample(60, 128, seed=9):
        mine, true = index.search(question, 10), exact.search(question, 10)
        assert mine == sorted(mine, key=lambda neighbor: (-neighbor.score, neighbor.row))
        assert len(mine) == 10
        shared = set(mine) & set(true)
        assert {row for row, _ in shared} == {row for row, _ in mine} & {row for row, _ in true}  # scores agree too
        found, wanted = found + len(shared), wanted + len(true)
    assert found / wanted >= 0.98


def test_the_more_rows_the_more_are_scored_exactly() -> None:
    pytest.importorskip("faiss")
    from embeddings.faiss_index import ApproximateFaissIndex

    class Sketch:
        def search(self, question: Vectors, width: int) -> tuple[None, Any]:
            widths.append(width)
            return None, numpy.arange(width)[None]

    widths: list[int] = []
    for rows in (1_000, 100_000, 1_000_000):
        vectors = numpy.broadcast_to(numpy.eye(1, 256, dtype=numpy.float32), (rows, 256))
        ApproximateFaissIndex(vectors, Sketch()).search(vectors[0], 10)
    few, many, most = widths
    assert few == 300 < many < most
    assert most >= 3_000


def test_the_size_decides_and_the_files_show_it(tmp_path: Path) -> None:
    vectors = sample(21, 16, seed=10)
    for threshold, files in ((21, ["vectors.npy"]), (20, ["index.faiss", "vectors.npy"])):
        for attempt in "ab":  # the same vectors make the same bytes
            (tmp_path / f"{threshold}{attempt}").mkdir()
            create_vector_index(vectors, approximate_above=threshold).save(tmp_path / f"{threshold}{attempt}")
        one, other = ({path.name: path.read_bytes() for path in (tmp_path / f"{threshold}{x}").iterdir()} for x in "ab")
        assert sorted(one) == files
        assert one == other


def test_opened_vectors_stay_on_disk(tmp_path: Path) -> None:
    create_vector_index(sample(30, 16, seed=11), approximate_above=0).save(tmp_path)
    vectors = open_vector_index(tmp_path)._vectors  # type: ignore[attr-defined]
    assert isinstance(vectors.base, numpy.memmap)
    assert not vectors.flags.writeable


def test_an_opened_index_can_be_saved_again(tmp_path: Path) -> None:
    vectors = sample(300, 16, seed=12)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    create_vector_index(vectors, approximate_above=0).save(tmp_path / "first")
    open_vector_index(tmp_path / "first").save(tmp_path / "second")
    for name in ("vectors.npy", "index.faiss"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_searching_leaves_the_number_of_threads_alone() -> None:
    import faiss

    before = faiss.omp_get_max_threads()
    create_vector_index(numpy.eye(4, dtype=numpy.float32)).search(numpy.ones(4, dtype=numpy.float32), 2)
    assert faiss.omp_get_max_threads() == before


@pytest.mark.parametrize(
    "vectors",
    [numpy.ones(3), numpy.ones((2, 3)), numpy.full((2, 3), math.nan), numpy.zeros((1, 3)), numpy.ones((2, 0))],
)
def test_only_unit_vectors_are_taken(vectors: Vectors) -> None:
    with pytest.raises(EmbeddingError, match="An index takes vectors of"):
        create_vector_index(vectors)


class TestOpening:
    """Damaged and hostile folders; what damage leaves readable, the checksums of the generation find."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        create_vector_index(sample(300, 16, seed=13), approximate_above=0).save(tmp_path)
        return tmp_path

    @pytest.mark.parametrize("name", ["vectors.npy", "index.faiss"])
    @pytest.mark.parametrize("keep", [0.0, 0.01, 0.5, 0.999])
    def test_files_cut_short_are_refused(self, folder: Path, name: str, keep: float) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * keep)])
        with pytest.raises(EmbeddingError, match=f"{name} is damaged.*rag build"):
            open_vector_index(folder)

    @pytest.mark.parametrize("name", ["vectors.npy", "index.faiss"])
    def test_pickles_and_folders_are_refused(self, folder: Path, name: str) -> None:
        (folder / name).write_bytes(pickle.dumps(list(range(500))))
        with pytest.raises(EmbeddingError, match=name):
            open_vector_index(folder)
        (folder / name).unlink()
        (folder / name).mkdir()
        with pytest.raises(EmbeddingError, match=name):
            open_vector_index(folder)

    def test_missing_vectors_are_named(self, folder: Path) -> None:
        (folder / "vectors.npy").unlink()
        with pytest.raises(EmbeddingError, match="vectors.npy .* no such file"):
            open_vector_index(folder)

    @pytest.mark.parametrize(
        "array",
        [
            numpy.array([[object()]], dtype=object),
            numpy.eye(3),
            numpy.eye(3, dtype=numpy.float32)[0],
            numpy.asfortranarray(numpy.arange(6, dtype=numpy.float32).reshape(2, 3)),
            numpy.zeros((4, 0), dtype=numpy.float32),
        ],
    )
    def test_other_arrays_are_refused(self, tmp_path: Path, array: Vectors) -> None:
        with (tmp_path / "vectors.npy").open("wb") as file:
            numpy.lib.format.write_array(file, array, allow_pickle=array.dtype == object)
        with pytest.raises(EmbeddingError, match="does not hold rows of float32"):
            open_vector_index(tmp_path)

    @pytest.mark.parametrize("shape", ["(1000000000000, 16)", "(-1, 16)", "(9, 'a')", "((" * 50, "__import__('os')"])
    def test_hostile_headers_allocate_nothing(self, tmp_path: Path, shape: str) -> None:
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(245).encode() + b"\n"
        (tmp_path / "vectors.npy").write_bytes(b"\x93NUMPY\x01\x00" + bytes([246, 0]) + header + b"\0" * 640)
        with pytest.raises(EmbeddingError, match="vectors.npy is damaged"):
            open_vector_index(tmp_path)

    @pytest.mark.parametrize(("count", "dimension"), [(299, 16), (300, 24), (332, 16)])
    def test_the_index_of_other_vectors_is_refused(
        self, folder: Path, tmp_path_factory: pytest.TempPathFactory, count: int, dimension: int
    ) -> None:
        other = tmp_path_factory.mktemp("other")
        create_vector_index(sample(count, dimension, seed=14), approximate_above=0).save(other)
        (other / "index.faiss").replace(folder / "index.faiss")
        with pytest.raises(EmbeddingError, match="belongs to other vectors"):
            open_vector_index(folder)

    def test_another_kind_of_faiss_index_is_refused(self, folder: Path) -> None:
        import faiss

        flat = faiss.IndexFlatIP(16)
        flat.add(open_vector_index(folder).fetch(range(300)))
        faiss.write_index(flat, str(folder / "index.faiss"))
        with pytest.raises(EmbeddingError, match="index.faiss"):
            open_vector_index(folder)

    def test_every_flipped_bit_of_the_header_is_found_or_harmless(self, folder: Path) -> None:
        """FAISS believes the sizes in its file; without our check several of these end the process."""
        content = (folder / "index.faiss").read_bytes()
        question = numpy.ones(16, dtype=numpy.float32)
        refused = 0
        for position in range(110):
            changed = bytearray(content)
            changed[position] ^= 1 << position % 8
            (folder / "index.faiss").write_bytes(changed)
            try:
                open_vector_index(folder).search(question, 5)
            except EmbeddingError:
                refused += 1
        assert refused > 50


class TestMac:
    def test_numpy_searches_and_faiss_is_never_loaded(self, tmp_path: Path) -> None:
        create_vector_index(sample(30, 16, seed=15), approximate_above=0).save(tmp_path)
        program = """
import sys, numpy, pathlib
sys.platform = "darwin"
from embeddings import create_vector_index, open_vector_index
opened = open_vector_index(pathlib.Path(sys.argv[1]))
vectors = opened.fetch(range(30))
made = create_vector_index(vectors, approximate_above=0)
assert opened.search(vectors[7], 3) == made.search(vectors[7], 3)
print(type(opened).__name__, opened.search(vectors[7], 1), "faiss" in sys.modules)
"""
        command = [sys.executable, "-c", program, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.stdout == "NumpyIndex [Neighbor(row=7, score=1.0)] False\n", done.stderr


def test_torch_and_faiss_share_a_process() -> None:
    """torch first; the other order is in test_embeddings.py, where a model is opened after FAISS."""
    program = """
import torch, faiss, numpy
from embeddings import create_vector_index
vectors = torch.nn.functional.normalize(torch.randn(3000, 64, generator=torch.Generator().manual_seed(1)))
product = vectors @ vectors.T
index = create_vector_index(vectors.numpy())
assert all(index.search(vectors[row].numpy(), 1)[0].row == row for row in range(0, 3000, 100))
print("done")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
