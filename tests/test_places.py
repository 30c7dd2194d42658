"""Where a quote stands travels from the file to the citation, through the index, a conversation and every door."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rag.read
from documents import lines, pdf, xlsx
from embeddings import Embedder, open_embedder
from rag import Chatbot
from rag.__main__ import main
from rag.answer.prompt import build_prompt
from rag.errors import IndexMismatch
from rag.export.conversation import Turn
from rag.export.formats import copied
from rag.export.paragraphs import place_text
from rag.export.record import from_json, to_json
from rag.index.build import build, inventory, outdated
from rag.index.store import Index, verify
from rag.read import Worker, parse
from rag.read.assemble import Paragraph, assemble, mark_turns
from rag.settings import Settings
from rag.types import Answer, Citation, Header, Hit, Locator, Message, Passage, locate, places_between, written_place
from rag.web.language import speaking
from rag.web.render import article_data

ONE = "The harbour of Port Ennis was closed on Monday.\n" * 12
TWO = "The ferry Gull sank near Kelm in the storm of June.\n" * 12


@pytest.fixture
def hashing() -> Embedder:
    return open_embedder("hashing")


@pytest.fixture
def folder(tmp_path: Path) -> Settings:
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "report.pdf").write_bytes(pdf([lines(ONE), lines(TWO)]))
    (articles / "fares.xlsx").write_bytes(xlsx(Fares=[["Town", "Fare"], ["Kelm", 3], ["Osk", 14]]))
    (articles / "notes.md").write_text("# The lighthouse\n\nThe lighthouse keeper left his tower for good.")
    message = b"From: Ada Brook <a@x.example>\nSubject: {n}\n\nThe letter number {n} speaks of herring.\n\n"
    mail = b"".join(
        b"From a@x Wed Jun 12 10:00:00 2019\n" + message.replace(b"{n}", str(n).encode()) for n in range(1, 13)
    )
    (articles / "mail.mbox").write_bytes(mail)
    return Settings(articles=articles, index=tmp_path / "index", embedder="hashing", reranker="off")


LOCATORS = st.lists(
    st.builds(Locator, st.integers(0, 60), st.sampled_from(["page", "row", "chapter"]), st.sampled_from("1234")),
    max_size=9,
    unique_by=lambda each: (each.start, each.kind),
).map(lambda found: sorted(found, key=lambda each: each.start))


class TestLocate:
    @given(LOCATORS, st.integers(0, 60), st.integers(1, 30))
    def test_every_character_lies_in_the_last_place_before_it(
        self, places: list[Locator], start: int, size: int
    ) -> None:
        end = start + size
        for kind, first, last in locate(places, start, end):
            names = []
            for at in range(start, end):
                before = [each.name for each in places if each.kind == kind and each.start <= at]
                names += before[-1:]
            assert (first, last) == (names[0], names[-1])

    @given(LOCATORS, st.integers(0, 60), st.integers(1, 30), st.integers(0, 29), st.integers(1, 30))
    def test_those_of_a_passage_are_enough_for_what_it_holds(
        self, places: list[Locator], start: int, size: int, at: int, length: int
    ) -> None:
        end = start + size
        first, last = min(start + at, end - 1), min(start + at + length, end)
        if first < last:
            assert locate(places_between(places, start, end), first, last) == locate(places, first, last)

    def test_is_written_widest_first(self) -> None:
        places = [Locator(0, "row", "2"), Locator(0, "sheet", "Fares"), Locator(9, "row", "3")]
        assert written_place(places, 0, 5) == "sheet Fares, row 2"
        assert written_place((), 0, 5) == ""
        with speaking("ru"):
            assert place_text([Locator(0, "page", "4"), Locator(5, "page", "5")], 0, 9) == "с. 4–5"


class TestIndex:
    def test_places_survive_the_index(self, folder: Settings, hashing: Embedder) -> None:
        build(folder, hashing)
        with closing(Index.open(folder.index)) as index:
            document = index.document("report.pdf")
            assert [(each.kind, each.name) for each in document.places] == [("page", "1"), ("page", "2")]
            rows = index.rows_of(["report.pdf"])
            found = [passage for passage, _ in index.passages(rows)]
            assert {passage.place for passage in found} <= {"p. 1", "p. 2", "pp. 1–2"}
            for passage in found:
                assert passage.place == written_place(document.places, passage.start, passage.end)
        assert verify(folder.index)[1] == []

    def test_a_mailbox_is_one_file_with_many_articles(self, folder: Settings, hashing: Embedder) -> None:
        changes = build(folder, hashing)
        assert (changes.seen, changes.indexed, changes.articles) == (4, 4, 15)
        again = build(folder, hashing)
        assert again.kept == ("fares.xlsx", "mail.mbox", "notes.md", "report.pdf")
        assert (again.articles, again.embedded) == (15, 0)
        with closing(Index.open(folder.index)) as index:
            ids = [header.id for header in index.headers()]
            assert ids[1:13] == [f"mail.mbox#{n}" for n in range(1, 13)]
            by_row = [header.id for _, header in index.passages(range(len(index)))]
            assert [ids[number] for number in index.article_numbers()] == by_row
            assert [each.status for each in inventory(folder, index)] == ["indexed"] * 4
        assert verify(folder.index)[1] == []
        (folder.articles / "mail.mbox").unlink()
        assert (build(folder, hashing).removed, build(folder, hashing).articles) == (("mail.mbox",), 3)

    def test_another_pdf_library_reads_pdfs_anew_and_nothing_else(
        self, folder: Settings, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build(folder, hashing)
        real = rag.read.reader_version
        room = sys.modules["rag.index.build"]
        monkeypatch.setattr(room, "reader_version", lambda id: real(id) + "+" * id.endswith(".pdf"))
        read: list[str] = []
        monkeypatch.setattr(
            room, "read_all", lambda file, worker: read.append(file.id) or rag.read.read_all(file, worker)
        )
        with closing(Index.open(folder.index)) as index:
            assert outdated(folder, index, hashing)
            assert {each.id: each.status for each in inventory(folder, index)}["report.pdf"] == "changed"
        changes = build(folder, hashing)
        assert read == ["report.pdf"]
        assert changes.embedded == 0

    def test_an_index_of_an_older_format_keeps_its_vectors_only(
        self, folder: Settings, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build(folder, hashing)
        monkeypatch.setattr("rag.index.store.FORMAT", 3)
        monkeypatch.setattr("rag.index.generations.FORMAT", 3)
        with pytest.raises(IndexMismatch, match="rag build"):
            Index.open(folder.index)
        changes = build(folder, hashing)
        assert (changes.articles, changes.embedded) == (15, 0)

    def test_what_of_a_file_was_not_read_stands_in_the_ledger(
        self, folder: Settings, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder.articles / "scan.pdf").write_bytes(pdf([lines(ONE), []], image=True))
        monkeypatch.setenv("PATH", "")
        monkeypatch.setattr(sys.modules["rag.index.build"], "Worker", Worker)  # one that is started now
        changes = build(folder, hashing)
        told = "1 of 2 pages are images; install tesseract to read them"
        assert [(each.id, each.reason) for each in changes.incomplete] == [("scan.pdf", told)]
        assert [(each.id, each.reason) for each in build(folder, hashing).incomplete] == [("scan.pdf", told)]
        with closing(Index.open(folder.index)) as index:
            assert {each.id: each.reason for each in inventory(folder, index)}["scan.pdf"] == told


@pytest.fixture
def cited(folder: Settings, hashing: Embedder) -> Answer:
    with closing(Chatbot.open(folder, embedder=hashing)) as chatbot:
        return chatbot.ask("Where did the ferry Gull sank in June?")


class TestDoors:
    def test_a_citation_names_its_page(self, cited: Answer) -> None:
        assert cited.citations
        assert {each.place for each in cited.citations} == {"p. 2"}

    def test_the_terminal(self, folder: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        options = ["--articles", str(folder.articles), "--index", str(folder.index)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAG_EMBEDDER", "hashing")
            main(["ask", "Where did the ferry Gull sank in June?", *options])
            assert "report.pdf, p. 2, characters" in capsys.readouterr().out
            main(["ask", "Where did the ferry Gull sank in June?", "--json", *options])
            assert json.loads(capsys.readouterr().out)["citations"][0]["place"] == "p. 2"
            main(["search", "ferry Gull", *options])
            assert "· p. 2" in capsys.readouterr().out

    def test_exports_and_conversations(self, cited: Answer) -> None:
        turn = Turn(1, cited.question, "done", cited)
        assert "” (p. 2)" in copied(turn, "plain")
        assert "” (p. 2)" in copied(turn, "markdown")
        assert from_json(Answer, to_json(cited)) == cited

    def test_the_article_names_its_pages_beside_them(self, folder: Settings, hashing: Embedder) -> None:
        build(folder, hashing)
        with closing(Index.open(folder.index)) as index:
            found = article_data(index.document("report.pdf"))
            assert len(found["places"]) == len(found["paragraphs"])
            assert list(filter(None, found["places"])) == ["p. 1", "p. 2"]
            assert set(article_data(index.document("notes.md"))["places"]) == {""}

    def test_the_prompt(self) -> None:
        from datetime import date

        def prompted(*places: Locator) -> str:
            hit = Hit(Passage("p", "a.pdf", 0, 9, "It rained", places), Header("a.pdf"), 1.0)
            messages: tuple[Message, ...] = build_prompt("Did it rain?", [hit], len, 100_000, date(2031, 1, 1)).messages
            return messages[1].text

        assert '"place": "p. 4"' in prompted(Locator(0, "page", "4"))
        assert '"place"' not in prompted()
        assert '"place": "section “(1) injected”"' in prompted(Locator(0, "section", "[1] injected"))

    def test_a_joined_quote_names_both_pages(self) -> None:
        places = (Locator(0, "page", "1"), Locator(5, "page", "2"))
        hit = Hit(Passage("p", "a.pdf", 0, 9, "It rained", places), Header("a.pdf"), 1.0)
        assert Citation(1, hit, "rained", 3, 9).place == "pp. 1–2"
        assert Citation(1, hit, "It", 0, 2).place == "p. 1"


def test_upload_reads_risky_files_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from rag.errors import RefusedFile
    from rag.web.shelf import Shelf

    seen: list[str] = []
    real = Worker.read
    monkeypatch.setattr(Worker, "read", lambda self, id, data: seen.append(id) or real(self, id, data))
    shelf = Shelf(tmp_path, 1_000_000)
    for data, kept in ((pdf([lines(ONE)]), True), (b"%PDF nothing", False)):
        if kept:
            assert shelf.add("a.pdf", data).name == "a.pdf"
        else:
            with pytest.raises(RefusedFile, match="damaged"):
                shelf.add("a.pdf", data)
    assert seen == ["a.pdf", "a.pdf"]
    assert [each.name for each in tmp_path.iterdir()] == ["a.pdf"]


LEAD = "The council of Kelm met on Monday and talked for six hours about the money of the town."
CUT = "The budget was cut by a tenth, said the mayor of Kelm after the long debate of that night."


def place_in(name: str, text: str, quote: str) -> str:
    document = parse(name, text.encode())
    start = document.text.index(quote)
    return written_place(document.places, start, start + len(quote))


SECTIONS = {
    "a.md": f"# Council meets\n\n{LEAD}\n\n## The *budget*\n\n{CUT}\n",
    "b.md": f"---\ntitle: Another title\n---\n# Council meets\n\n{LEAD}\n\nThe budget\n----------\n\n{CUT}\n",
    "c.html": "<html><head><title>Council meets - Courier</title></head><article><h1>Council meets</h1>"
    f"<p>{LEAD}</p><p>{LEAD[:-1]} then.</p><h2><b>The</b> budget</h2><p>{CUT}</p><p>{CUT[:-1]} then.</p></article>",
}


@pytest.mark.parametrize("name", SECTIONS)
def test_a_heading_names_the_section_below_it(name: str) -> None:
    assert place_in(name, SECTIONS[name], CUT) == "section “The budget”"
    assert place_in(name, SECTIONS[name], LEAD) == ""


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html"])
@pytest.mark.parametrize(
    "lines",
    [
        ["Council meets", LEAD, CUT],
        [
            "Council meets",
            "Photo: Ada Brook",
            LEAD,
            "Photo: Li Moss",
            CUT,
            "Note: it rained.",
            LEAD,
            "Note: it snowed.",
        ],
        ["Distances from Kelm", LEAD, "Ennis: 12 km.", "Osk: 30 km.", "Ruun: 44 km.", "Tarn: 51 km."],
        ["Council meets", LEAD, "The mayor said: no.", CUT, "The mayor said: yes."],
    ],
)
def test_without_headings_and_speakers_there_is_no_place(lines: list[str], suffix: str) -> None:
    text = (
        f"<article>{''.join(f'<p>{line}</p>' for line in lines)}</article>" if suffix == ".html" else "\n\n".join(lines)
    )
    assert parse(f"a{suffix}", text.encode()).places == ()


@pytest.mark.parametrize(
    ("questioner", "answerer", "place"),
    [
        ("Q", "A", "Q: Why is the port shut?"),
        ("Вопрос", "Ответ", "Вопрос: Why is the port shut?"),
        ("COURIER", "ADA REED", "ADA REED"),
    ],
)
@pytest.mark.parametrize("mark", ["", "**"])
def test_a_turn_of_speech_is_a_place(questioner: str, answerer: str, place: str, mark: str) -> None:
    talk = [
        (questioner, "Why is the port shut?"),
        (answerer, "Because of the storm."),
        ("", "It broke the pier."),
        (questioner, "Who pays?"),
        (answerer, "The county does."),
    ]
    lines = [f"{mark}{name}:{mark} {said}" if name else said for name, said in talk]
    text = "\n\n".join(["A talk with the mayor", LEAD, *lines])
    for quote in ("Because of the storm.", "It broke the pier."):
        assert place_in("a.md" if mark else "a.txt", text, quote) == place
    assert place_in("a.md" if mark else "a.txt", text, LEAD) == ""


@pytest.mark.parametrize("heading", ["More:", "The town has less money than ever.", " ".join(["word"] * 16)])
def test_a_lead_that_is_set_as_a_heading_is_no_section(heading: str) -> None:
    assert place_in("a.md", f"# Council meets\n\n{LEAD}\n\n## {heading}\n\n{CUT}\n", CUT) == ""


def test_the_heading_of_a_box_is_no_section() -> None:
    box = "<div class='newsletter'><h3>The day in short</h3></div>"
    page = SECTIONS["c.html"].replace("</h2>", f"</h2><p>{LEAD[:-1]} since.</p>{box}")
    assert place_in("c.html", page, CUT) == "section “The budget”"


def test_a_turn_ends_where_a_section_begins() -> None:
    talk = "\n\n".join(
        ["## Q: Why?", "A: The storm.", "Q: Who pays?", "A: Kelm.", "Q: All?", "A: Yes.", "## The vote", CUT]
    )
    assert place_in("a.md", f"# A talk\n\n{LEAD}\n\n{talk}", CUT) == "section “The vote”"
    assert place_in("a.md", f"# A talk\n\n{LEAD}\n\n{talk}", "Kelm.\n") == "section “Q: Why?”, Q: Who pays?"
    assert place_in("a.md", f"# A talk\n\n{LEAD}\n\n{talk}", "The storm.") == "section “Q: Why?”"
    assert place_in("a.md", f"# A talk\n\n{LEAD}\n\n{talk}", f"Yes.\n\nThe vote\n\n{CUT}").endswith("Q: All?")


@given(st.lists(st.sampled_from(["Q: Why?", "A: So.", LEAD, CUT, "REED: It rained.", "Photo: Li Moss"]), max_size=12))
def test_places_stand_where_their_names_begin(lines: list[str]) -> None:
    paragraphs = [Paragraph(line) for line in lines]
    mark_turns(paragraphs)
    document = assemble(paragraphs, Header("a.txt"), find=False)
    assert [each.start for each in document.places] == sorted({each.start for each in document.places})
    assert all(document.text[each.start :].startswith(each.name) for each in document.places)
