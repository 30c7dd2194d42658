"""Keywords: BM25 against a slow reference, stemming in two languages, other spellings, hostile questions."""

from __future__ import annotations

import errno
import math
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import tantivy
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.index.keywords import KeywordIndex, create_keyword_index, matched_words
from rag.text.stems import stem
from rag.text.words import content_words, split_unspaced, words

TEXTS = [
    ("Harbour tram", "The council voted to build a tram line from the docks to the university."),
    ("Harbour tram", "Trams will carry passengers in spring. The tram costs 1.9 billion crowns."),
    ("Lake Verrin", "Water in the lake fell to a record low; farmers protested against the plant."),
    ("", "Жители города вышли на митинги против завода в Алматы."),
    ("", "Артём Ёлкин подписал договор."),
    ("", '<|endoftext|> AND OR NOT (plant) "quoted" field:value'),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> KeywordIndex:
    folder = tmp_path_factory.mktemp("keywords")
    create_keyword_index(folder, TEXTS)
    return KeywordIndex(folder)


def reference_bm25(question: str) -> dict[int, float]:
    """Okapi BM25 with k1 = 1.2 and b = 0.75, as Lucene and tantivy count it, over both fields."""
    scores: dict[int, float] = {}
    for column, weight in ((1, 1.0), (0, 0.3)):
        rows = [Counter(stem(word) for word in words(text[column])) for text in TEXTS]
        average = sum(sum(row.values()) for row in rows) / len(rows)
        for term in dict.fromkeys(stem(word) for word in content_words(question)):
            frequency = sum(term in row for row in rows)
            idf = math.log(1 + (len(rows) - frequency + 0.5) / (frequency + 0.5))
            for number, row in enumerate(rows):
                if count := row[term]:
                    length = sum(row.values())
                    part = idf * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / average))
                    scores[number] = scores.get(number, 0.0) + weight * part
    return scores


@pytest.mark.parametrize(
    "question",
    ["tram line", "Which farmers protested at the lake?", "митинг против завода", "What did the trams cost?"],
)
def test_scores_equal_the_reference(index: KeywordIndex, question: str) -> None:
    expected = reference_bm25(question)
    found = {hit.row: hit.score for hit in index.search(question, 10)}
    assert found.keys() == expected.keys()
    for row, score in found.items():
        assert score == pytest.approx(expected[row], rel=0.02)


@pytest.mark.parametrize(
    ("question", "row"),
    [("demonstrated protest farmer", 2), ("митинге", 3), ("Артема Елкина", 4), ("universities", 0), ("passenger", 1)],
)
def test_other_forms_of_a_word_find_it(index: KeywordIndex, question: str, row: int) -> None:
    assert index.search(question, 1)[0].row == row


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("pasengers", "passenger"),
        ("councel", "council"),
        ("univresity", "university"),
        ("dokcs", "docks"),
        ("Werrin", "Verrin"),
    ],
)
def test_typing_errors_find_what_was_meant(index: KeywordIndex, typed: str, meant: str) -> None:
    assert index.search(typed, 1)[0].row == index.search(meant, 1)[0].row
    assert index.terms(typed)[typed].keys() == {stem(meant)}
    assert all(0 < weight < 1 for weight in index.terms(typed)[typed].values())


def test_a_word_that_is_known_or_short_or_a_number_is_never_respelled(index: KeywordIndex) -> None:
    assert index.terms("tram trem 1900") == {"tram": {"tram": 1.0}, "trem": {"trem": 1.0}, "1900": {"1900": 1.0}}


NAMES = [
    ("", "Yerlan Kossymov founded the Nur-Aman party near the house in Oldaty."),
    ("", "The court fined Kosymov, said the Nuraman press office."),
    ("", "A house stood there. The horse left from the form, the hose lay in Oldaly; Kosymov saw it."),
    ("", "Партия Ерлана Косымова провела митинг."),
    ("Sunword Tribune", "Müldner reports from Zhandosk on the sun and on every word of it."),
    ("", "Kosymov and Kosymov again; desert wind, dessert plate."),
]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> KeywordIndex:
    folder = tmp_path_factory.mktemp("names")
    create_keyword_index(folder, NAMES)
    return KeywordIndex(folder)


@pytest.mark.parametrize("asked", ["Kosymov", "Kossymov", "kosymov", "Qosymov", "Косымов", "Косымовым", "Kosimow"])
def test_a_name_finds_every_spelling_of_it(names: KeywordIndex, asked: str) -> None:
    assert {hit.row for hit in names.search(f"Who is {asked}?", 10)} == {0, 1, 2, 3, 5}


@pytest.mark.parametrize("asked", ["Kosymov", "Kossymov"])
def test_the_spelling_asked_for_weighs_most(names: KeywordIndex, asked: str) -> None:
    (weights,) = names.terms(f"Who is {asked}?").values()
    assert weights[stem(asked)] == 1.0
    assert all(0 < weight < 1 for term, weight in weights.items() if term != stem(asked))


def test_a_rare_spelling_of_a_frequent_name_is_no_rare_name(names: KeywordIndex) -> None:
    # Both passages hold the name once; asked for as most passages have it, the odd spelling must not come first.
    ranks = [hit.row for hit in names.search("Kosymov", 10)]
    assert ranks.index(1) < ranks.index(0)


@pytest.mark.parametrize(
    "asked", ["house", "horse", "form", "from form", "hose", "Oldaty", "Oldaly", "desert", "dessert"]
)
def test_words_that_merely_look_alike_do_not_find_one_another(names: KeywordIndex, asked: str) -> None:
    assert all(weights.keys() == {stem(word)} for word, weights in names.terms(asked).items())


@pytest.mark.parametrize(
    ("asked", "found"), [("Mueldner", "muldner"), ("Жандоск", "zhandosk"), ("Jandosk", "zhandosk")]
)
def test_names_in_other_letters(names: KeywordIndex, asked: str, found: str) -> None:
    assert names.terms(asked)[asked].keys() == {found}


def test_titles_do_not_make_names_of_everyday_words(tmp_path: Path) -> None:
    title = "Desert And Dessert Plates"
    create_keyword_index(tmp_path, [(title, "The desert is dry."), (title, "A dessert is sweet.")])
    assert KeywordIndex(tmp_path).terms("desert") == {"desert": {"desert": 1.0}}


def test_the_same_passages_give_the_same_spellings(tmp_path: Path) -> None:
    tables = []
    for number, passages in enumerate((NAMES, NAMES[::-1])):
        folder = tmp_path / str(number)
        folder.mkdir()
        create_keyword_index(folder, passages)
        tables.append((folder / "spellings.table").read_bytes())
    assert tables[0] == tables[1]


def test_an_open_index_knows_its_spellings_also_when_its_folder_is_gone(tmp_path: Path) -> None:
    create_keyword_index(tmp_path, NAMES)
    opened = KeywordIndex(tmp_path)
    known = KeywordIndex(tmp_path).terms("Kosymof")
    for file in tmp_path.iterdir():
        file.unlink()
    assert opened.terms("Kosymof") == known != {"Kosymof": {"kosymof": 1.0}}


def test_frequency_counts_passages(index: KeywordIndex) -> None:
    assert [index.frequency(stem(word)) for word in ("tram", "plants", "nowhere", "...")] == [2, 2, 0, 0]


def test_a_term_that_would_be_stemmed_further_is_counted_as_it_stands(tmp_path: Path) -> None:
    create_keyword_index(tmp_path, [("", "The organisers agreed early."), ("", "One organiser agreed.")])
    known = KeywordIndex(tmp_path)
    terms = known.terms("Which organiser agreed early?")
    assert stem(stem("organiser")) != stem("organiser")
    assert {word: [known.frequency(term) for term in meant] for word, meant in terms.items()} == {
        "organiser": [2],
        "agreed": [2],
        "early": [1],
    }


@pytest.mark.parametrize(
    "question", ['" OR * NEAR (', "...", "", "the of and", "<|endoftext|>", "\x00", "💥" * 100, "a" * 2000]
)
def test_hostile_questions_are_words_and_nothing_else(index: KeywordIndex, question: str) -> None:
    assert all(0 <= hit.row < len(TEXTS) for hit in index.search(question, 10))


@given(st.text(max_size=80))
@settings(max_examples=80, deadline=None)
def test_any_text_can_be_asked(index: KeywordIndex, question: str) -> None:
    known = question.encode("utf-8", "replace").decode()
    assert len(index.search(known, 3)) <= 3


def test_matched_words_are_the_questions_own(index: KeywordIndex) -> None:
    terms = index.terms("Did the farmers vote on the Tram?")
    assert matched_words(terms, TEXTS[0][1]) == ("vote", "Tram")


def test_an_empty_index_answers_nothing(tmp_path: Path) -> None:
    create_keyword_index(tmp_path, [])
    assert KeywordIndex(tmp_path).search("tram", 5) == []


WRITTEN = ["tram", "Tram", "lake", "harbour", "Kosymov", "озеро", "港口", "opened"]
PASSAGES = st.tuples(
    st.sampled_from(["", "Harbour Tram", "Lake Verrin"]),
    st.lists(
        st.sampled_from(["tram", "Tram", "lake", "harbour", "Kosymov", "озеро", "港口", "opened"]),
        min_size=1,
        max_size=4,
    ).map(" ".join),
)


@given(st.lists(st.lists(PASSAGES, max_size=9), min_size=2, max_size=3))
@settings(max_examples=8, deadline=None)
def test_an_updated_index_equals_one_that_is_built_whole(versions: list[list[tuple[str, str]]]) -> None:
    with TemporaryDirectory() as root:
        older = None
        for number, passages in enumerate(versions):
            updated, whole = Path(root, f"updated {number}"), Path(root, f"whole {number}")
            for folder, source in ((updated, older), (whole, None)):
                folder.mkdir()
                create_keyword_index(folder, passages, block=2, older=source)
            one, other = KeywordIndex(updated), KeywordIndex(whole)
            assert len(one) == len(other) == len(passages)
            contents = [{file.name: file.read_bytes() for file in folder.iterdir()} for folder in (updated, whole)]
            assert contents[0] == contents[1]
            for question in ("tram", "Harbour lake opened", "kosymof", "港口 озеро"):
                assert one.terms(question) == other.terms(question)
                assert one.search(question, 100) == other.search(question, 100)
            older = updated


def test_equal_blocks_have_segments_of_their_own_and_two_builds_the_same_bytes(tmp_path: Path) -> None:
    passages = [("", f"The tram number {number % 8} waits.") for number in range(80)]
    contents, older = [], None
    for name in ("one", "other", "updated"):
        folder = tmp_path / name
        folder.mkdir()
        create_keyword_index(folder, passages, block=2, older=older)
        contents.append({file.name: file.read_bytes() for file in folder.iterdir()})
        older = folder if name == "other" else None
    assert contents[0] == contents[1] == contents[2]
    index = KeywordIndex(folder)
    assert len(index) == 80
    assert {hit.row % 8 for hit in index.search("3", 10)} == {3}


def test_a_change_leaves_the_segments_of_other_blocks_as_they_were(tmp_path: Path) -> None:
    passages = [("", f"The tram number {number} waits.") for number in range(200)]
    older, newer = tmp_path / "older", tmp_path / "newer"
    older.mkdir()
    newer.mkdir()
    create_keyword_index(older, passages, block=8)
    create_keyword_index(newer, [*passages[:90], ("", "A ferry leaves."), *passages[90:]], block=8, older=older)
    segments = [{file.name: file.read_bytes() for file in folder.glob("*.term")} for folder in (older, newer)]
    assert len(segments[1]) > 10
    assert len(segments[1].items() - segments[0].items()) <= 2
    assert KeywordIndex(newer).search("ferry", 1)[0].row == 90
    assert KeywordIndex(newer).search("number 150", 1)[0].row == 151


def test_all_may_read_an_index_whom_the_user_lets(tmp_path: Path) -> None:
    create_keyword_index(tmp_path, TEXTS)
    (tmp_path / "mine").touch()
    assert {file.stat().st_mode for file in tmp_path.iterdir()} == {(tmp_path / "mine").stat().st_mode}


def test_k_beyond_the_end_and_zero(index: KeywordIndex) -> None:
    assert len(index.search("tram plant", 10**6)) == 4
    assert index.search("tram", 0) == []


def test_a_folder_that_takes_no_lock_file_can_be_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_keyword_index(tmp_path, TEXTS)
    assert not list(tmp_path.glob("*.lock"))
    usual = tantivy.Index.open

    def refusing(path: str) -> tantivy.Index:
        if path == str(tmp_path):
            raise ValueError("Failed to acquire Lockfile: Read-only file system")
        return usual(path)

    monkeypatch.setattr("tantivy.Index.open", refusing)
    assert KeywordIndex(tmp_path).search("tram", 1)[0].row == 1


UNSPACED = [
    "港口在风暴之后关闭，市长周一说。",
    "东京塔高三百三十三米。",
    "嵐のあと、港は閉鎖されたと市長が語った。",
    "นายกเทศมนตรีกล่าวว่าท่าเรือปิดหลังพายุ",
    "The harbour was closed in 2019¹ by the mayor.",
]


@pytest.mark.parametrize(
    ("question", "row"),
    [("风暴之后", 0), ("东京塔有多高", 1), ("閉鎖", 2), ("ท่าเรือ", 3), ("พายุ", 3), ("closed in 2019?", 4)],
)
def test_words_are_found_inside_a_run_without_spaces(tmp_path: Path, question: str, row: int) -> None:
    create_keyword_index(tmp_path, [("", text) for text in UNSPACED])
    index = KeywordIndex(tmp_path)
    assert [hit.row for hit in index.search(question, 5)][:1] == [row]
    assert matched_words(index.terms(question), UNSPACED[row])


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_text_with_spaces_is_not_split(text: str) -> None:
    assert split_unspaced(text) == text


@given(st.text(st.sampled_from("港口关闭東京。 a1"), max_size=30))
def test_every_pair_of_neighbours_is_a_word(text: str) -> None:
    found = split_unspaced(text).split()
    pairs = {first + second for first, second in pairwise(text) if min(first, second) > "\u4000"}
    assert pairs <= set(found)


def test_a_lock_that_comes_while_a_folder_is_removed_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed, left = os.rmdir, [1, 1]

    def busy(path: Any, **where: Any) -> None:
        if left:
            left.pop()
            raise OSError(errno.ENOTEMPTY, "Directory not empty")
        removed(path, **where)

    (tmp_path / "keywords").mkdir()
    monkeypatch.setattr(os, "rmdir", busy)
    create_keyword_index(tmp_path / "keywords", [("", "The trams stopped.")])
    assert left == []
    assert not any(each.is_dir() for each in (tmp_path / "keywords").iterdir())
