"""What the page is made of, without a browser: safe markup, plain data, the guard, the background, the conversation."""

from __future__ import annotations

import asyncio
import html
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asynchronous import run as run_apart
from rag.chat.keys import Key
from rag.chat.reachable import Reachable
from rag.errors import EmbedderError, QuestionError, SettingsError
from rag.export.conversation import MAX_HISTORY, MAX_TURNS, Turn, begin, change, clean_question, history
from rag.export.paragraphs import MAX_ALSO, also
from rag.settings import Settings
from rag.text.one_line import one_line
from rag.types import (
    Answer,
    Citation,
    Document,
    Header,
    Hit,
    Message,
    Passage,
    Progress,
    Sentence,
    Why,
    spoken_date,
)
from rag.web import FOLDER, asset
from rag.web.examples import read_questions
from rag.web.inspector import why_data
from rag.web.language import speaking
from rag.web.models import ChatServices, Models
from rag.web.opening import Opening, State
from rag.web.place import Place, check_of
from rag.web.render import (
    MAX_ARTICLE,
    MAX_LABEL,
    MAX_MORE,
    MAX_TITLE,
    answer_markup,
    article_data,
    escape,
    messages,
    panel,
    turn_data,
)
from rag.web.rooms import Visitor
from rag.web.security import ADDRESSES, DRAFT, HEADERS, Guard, check_host
from rag.web.security import ARTICLES as ARTICLES_AT
from rag.web.stream import newest

TEXT = "The mill burned down in 1911. It was rebuilt in brick. Nobody was hurt."
DOCUMENT = Document(
    id="mill.md", title="The mill of Tarn", outlet="Courier", authors=("Ada Rusk",), published="2031-03-04", text=TEXT
)


def hit(document: Document = DOCUMENT, start: int = 0, end: int | None = None) -> Hit:
    end = len(document.text) if end is None else end
    passage = Passage(f"{document.id}-{start}", document.id, start, end, document.text[start:end])
    return Hit(passage, document.header, 1.0)


def cited(number: int, quote: str, source: Hit) -> Citation:
    start = source.passage.start + source.passage.text.index(quote)
    return Citation(number, source, quote, start, start + len(quote))


def answered(text: str, *sentences: Sentence, **changes: Any) -> Answer:
    citations = tuple(citation for sentence in sentences for citation in sentence.citations)
    return Answer(question="Who?", text=text, sentences=sentences, citations=citations, complete=True, **changes)


MILL = cited(1, "The mill burned down in 1911.", hit())
BRICK = cited(1, "It was rebuilt in brick.", hit())
BOTH = answered(
    "The mill burned down in 1911. [1] It was rebuilt in brick. [1]",
    Sentence(MILL.quote, (MILL,)),
    Sentence(BRICK.quote, (BRICK,)),
    hits=(hit(), hit(start=30)),
)


class Elements(HTMLParser):
    """The elements, attributes and text of a piece of markup."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        assert {name for name, _ in attrs} <= {"class", "href", "id", "title", "start"}

    def handle_data(self, data: str) -> None:
        self.text += data


def marked(markup: str, what: str) -> list[str]:
    """The texts of the spans of a class, or of the elements of a name, without marks inside them."""
    tree = ElementTree.fromstring(markup)
    return ["".join(each.itertext()) for each in tree.iter() if what in (each.tag, *each.get("class", "").split())]


class TestEscape:
    @given(st.text(max_size=200))
    @settings(max_examples=100, deadline=None)
    def test_every_text_shows_as_it_is_and_holds_no_mark(self, text: str) -> None:
        escaped = escape(text)
        assert "<wbr>" not in escaped or re.search(r"\S{80}", text)
        escaped = escaped.replace("<wbr>", "")
        assert not re.search(r"[!-/:-@\[-`{-~]", re.sub(r"&#\d+;", "", escaped))
        shown = html.unescape(escaped)
        assert shown == " ".join(
            re.sub("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]", "", text).split()
        )

    def test_long_words_may_break(self) -> None:
        assert escape("x" * 200 + " short") == "<wbr>".join(["x" * 80, "x" * 80, "x" * 40]) + " short"

    def test_line_breaks_become_spaces(self) -> None:
        assert escape("one\n\n# two\u2028three") == "one &#35; two three"


class TestAnswerMarkup:
    def test_each_sentence_ends_in_a_link_to_its_card(self) -> None:
        found = Elements(answer_markup(Turn(3, "Who?", "done", BOTH)))
        assert found.links == ["#s-3-1", "#s-3-2", "#s-3"]
        assert found.text == (
            "Answer: The mill burned down in 1911.Source 1 It was rebuilt in brick.Source 12 quotes from 1 article"
        )
        assert found.tags.count("p") == 2

    def test_a_line_break_between_two_sentences_begins_a_paragraph(self) -> None:
        first, second = BOTH.sentences
        for lead, paragraphs in ((" ", 2), ("\n", 3), ("\n\n", 3), ("\n## ", 3), ("", 2)):
            apart = answered(BOTH.text, first, replace(second, lead=lead))
            assert Elements(answer_markup(Turn(1, "Who?", "done", apart))).tags.count("p") == paragraphs

    def test_the_last_word_and_its_number_stay_together(self) -> None:
        assert '<span class="together">1911&#46;<a class="cite"' in answer_markup(Turn(1, "Who?", "done", BOTH))

    def test_a_repaired_quotation_is_told(self) -> None:
        for repaired in (True, False):
            said = Sentence("She said “no”.", (MILL,), repaired=repaired)
            markup = answer_markup(Turn(1, "Who?", "done", answered(said.text, said, model="near:small")))
            assert ("quotation repaired" in Elements(markup).text) == repaired

    def test_a_sentence_without_support_says_so(self) -> None:
        bare = Sentence("So it is in 1912.", supported=False, unverified=((12, 16),))
        markup = answer_markup(Turn(1, "Who?", "done", answered("So it is in 1912.", bare, model="near:small")))
        assert '<span class="unsupported"' in markup
        assert "cite" not in markup
        assert 'class="unverified' not in markup
        assert Elements(markup).text == (
            "Answer: So it is in 1912. no sourceWritten by near:small; sentences verified: 0, repaired: 0, unverified: 1"
        )

    def test_a_model_is_named_and_an_extractive_answer_names_none(self) -> None:
        turn = Turn(1, "Who?", "done", replace(BOTH, model="near:<b>"))
        assert Elements(answer_markup(turn)).text.endswith(
            "2 quotes from 1 article Written by near:<b>; every quote checked letter for letter"
        )
        for other in (BOTH, replace(BOTH, model="near:small", state="none")):
            assert "Written by" not in answer_markup(Turn(1, "Who?", "done", other))

    def test_lists_are_lists(self) -> None:
        first, second = BOTH.sentences
        leads = (" ", "\n- ", " ", "\n* ", "\n1. ", "\n2. ", "\n\n", "\n\n7) ")
        listed = answered("…", *(replace(second if n % 2 else first, lead=lead) for n, lead in enumerate(leads)))
        markup = answer_markup(Turn(1, "Who?", "done", listed))
        found = [(each.tag, len(each.findall("li")), each.get("start")) for each in ElementTree.fromstring(markup)]
        assert found == [
            ("span", 0, None),
            ("p", 0, None),
            ("ul", 2, None),
            ("ol", 2, None),
            ("p", 0, None),
            ("ol", 1, "7"),
            ("p", 0, None),
        ]

    def test_what_stands_in_no_quote_is_marked_where_it_stands(self) -> None:
        text = "The mill of Tarn burned down in May 1911."
        said = Sentence(text, (MILL,), unverified=((12, 16), (32, 40)), bold=((4, 16), (36, 40)), answer=(36, 40))
        turn = Turn(1, "Who?", "done", answered(text, said))
        markup = answer_markup(turn)
        assert marked(markup, "unverified") == [
            "Tarn (stands in no quote)",
            "May ",
            "1911 (stands in no quote)",
            "Words marked like this",
        ]
        assert marked(markup, "strong") == ["mill of ", "Tarn", "1911"]
        assert marked(markup, "asked") == ["1911"]
        assert "Words marked like this stand in no quote" in Elements(markup).text
        assert text in Elements(markup).text.replace(" (stands in no quote)", "")
        assert "Words marked" not in answer_markup(replace(turn, status="answering"))

    @given(
        st.text(alphabet="ab <&*\n1é", max_size=40),
        st.lists(st.tuples(st.integers(-5, 50), st.integers(-5, 50)), max_size=4),
        st.lists(st.tuples(st.integers(-5, 50), st.integers(-5, 50)), max_size=4),
        st.none() | st.tuples(st.integers(-5, 50), st.integers(-5, 50)),
    )
    @settings(max_examples=100, deadline=None)
    def test_marks_change_no_letter(self, text: str, doubts: list[Any], bolds: list[Any], asked: Any) -> None:
        said = Sentence(text, (MILL,), unverified=tuple(doubts), bold=tuple(bolds), answer=asked)
        found = Elements(answer_markup(Turn(1, "Who?", "answering", Answer("Who?", text="…", sentences=(said,)))))
        shown = found.text.removeprefix("Answer: ").removesuffix("Searching the articles…").removesuffix("Source 1")
        assert shown.replace(" (stands in no quote)", "").split() == text.split()
        assert found.tags.count("strong") >= any(0 <= a < b <= len(text.rstrip()) for a, b in bolds)

    def test_a_sentence_that_is_still_written_has_no_marks(self) -> None:
        pending = Answer("Who?", text="The mi", sentences=(Sentence("The mi"),), model="near:small")
        assert (
            Elements(answer_markup(Turn(1, "Who?", "answering", pending))).text
            == "Answer: The miSearching the articles…"
        )

    def test_long_words_and_many_numbers_may_break(self) -> None:
        cited = tuple(replace(MILL, number=number) for number in range(1, 500))
        many = answered("x", Sentence("x " + "y" * 5000, cited))
        assert "together" not in answer_markup(Turn(1, "Who?", "done", many))
        several = answer_markup(Turn(1, "Who?", "done", answered("x y", Sentence("x y", cited))))
        assert several.split("together")[1].partition("</a></span>")[0].count('class="cite"') == 3

    def test_numbers_in_a_quote_are_no_citations(self) -> None:
        document = Document(
            id="a.md", title="<b>[1]</b>", text="According to [1] and <a href=#s-1-7>[7]</a>, all is well."
        )
        citation = cited(1, document.text, hit(document))
        answer = answered(document.text + " [1]", Sentence(document.text, (citation,)))
        found = Elements(answer_markup(Turn(1, "Who?", "done", answer)))
        assert found.links == ["#s-1-1", "#s-1"]
        assert document.text in found.text

    def test_a_refusal_cites_nothing(self) -> None:
        refusal = Answer(question="Who?", text="No answer found.", hits=(hit(),), state="none", complete=True)
        found = Elements(answer_markup(Turn(2, "Who?", "done", refusal)))
        assert found.links == ["#s-2"]
        assert found.text == "Answer: No answer found.Nearest passages"
        with speaking("ru"):
            assert "Ответ не найден." in Elements(answer_markup(Turn(2, "Who?", "done", refusal))).text

    def test_the_closest_sentences_are_a_list_under_a_label_and_no_answer(self) -> None:
        listed = [replace(each, lead="\n- ") for each in BOTH.sentences]
        closest = replace(answered("No answer found. …", *listed, model="near:small"), state="closest")
        markup = answer_markup(Turn(2, "Who?", "done", closest))
        (frame,) = (each for each in ElementTree.fromstring(markup) if each.get("class") == "closest")
        assert [each.tag for each in frame] == ["p", "ul"]
        assert marked(markup, "label") == ["No answer found. The closest sentences are:"]
        assert marked(markup, "li") == [
            "The mill burned down in 1911.Source 1",
            "It was rebuilt in brick.Source 1",
        ]
        assert Elements(markup).links == ["#s-2-1", "#s-2-2", "#s-2"]
        assert "Written by" not in markup
        assert "closest" not in answer_markup(Turn(2, "Who?", "done", BOTH))

    def test_a_number_stands_once_and_leads_to_the_first_of_its_quotes(self) -> None:
        other = cited(2, "It rained.", hit(Document("rain.md", text="It rained.")))
        said = (Sentence("It burned and was rebuilt.", (BRICK, MILL)), Sentence("It rained.", (other,)))
        found = Elements(answer_markup(Turn(3, "Who?", "done", answered("…", *said))))
        assert found.links == ["#s-3-1", "#s-3-3", "#s-3"]
        assert found.text.endswith("It burned and was rebuilt.Source 1 It rained.Source 23 quotes from 2 articles")

    def test_context_stands_before_its_sentence_and_a_label_above_its_paragraph(self) -> None:
        said = (
            Sentence(MILL.quote, (MILL,), label="<i>Courier"),
            Sentence(BRICK.quote, (BRICK,), context="The mill of <Tarn>"),
            Sentence("No answer found.", label="Gazette"),
        )
        turn = Turn(1, "Who?", "done", answered("…", *said))
        markup = answer_markup(turn)
        assert marked(markup, "label") == ["<i>Courier", "Gazette"]
        assert marked(markup, "context") == ["Context: The mill of <Tarn>"]
        assert [each.tag for each in ElementTree.fromstring(markup)] == ["span", *"pppp", "p"]
        assert "Context: The mill of <Tarn> It was rebuilt in brick.Source 1" in Elements(markup).text
        with speaking("ru"):
            assert "GazetteОтвет не найден." in Elements(answer_markup(turn)).text

    @pytest.mark.parametrize(
        ("turn", "shown"),
        [
            (Turn(1, "Who?"), "Searching the articles…"),
            (Turn(1, "Who?", "waiting", note="Loading…"), "Loading…"),
            (Turn(1, "Who?", "stopped"), "Stopped."),
            (Turn(1, "Who?", "failed", note="The <disk> is full"), "The <disk> is full"),
            (Turn(1, "Who?", "done", Answer("Who?", text="Plain.", notice="Old.", complete=True)), "Plain.Old."),
            (Turn(1, "Who?", "done", Answer("Who?", text="Plai", notice="No more.")), "PlaiNo more."),
            (
                Turn(1, "Who?", "done", Answer("Who?", text="Plai")),
                "PlaiThe answer is cut; ask again for the rest.",
            ),
            (Turn(1, "Who?", "answering", Answer("Who?", text="Plai")), "PlaiSearching the articles…"),
            (
                Turn(1, "Who?", "answering", Answer("Who?", hits=(hit(),), model="near:small")),
                "near:small is reading the passages…",
            ),
            (
                Turn(1, "Who?", "answering", Answer("Who?", "Who was it?", hits=(hit(),))),
                "Searched for: Who was it?Searching the articles…",
            ),
        ],
    )
    def test_every_state_is_said(self, turn: Turn, shown: str) -> None:
        assert Elements(answer_markup(turn)).text == f"Answer: {shown}"

    def test_a_turn_is_two_messages(self) -> None:
        shown = messages((Turn(1, "<i>Who?", "done", BOTH), Turn(2, "And then?")))
        assert [message["role"] for message in shown] == ["user", "assistant"] * 2
        assert Elements(shown[0]["content"]).text == "You asked: <i>Who?"


class TestChips:
    UNDERSTOOD = replace(BOTH, understood=("Courier", "Mar 2031"))

    def chips(self, turn: Turn, last: bool = True) -> list[tuple[str, str, str]]:
        """Each chip's tag, id and text."""
        tree = ElementTree.fromstring(answer_markup(turn, last))
        chips = [each for each in tree.iter() if "chip" in each.get("class", "").split()]
        return [(each.tag, each.get("id", ""), "".join(each.itertext())) for each in chips]

    def test_they_are_buttons_in_the_last_turn_once_it_has_ended(self) -> None:
        buttons = [("button", "chip-3-0", "Remove Courier"), ("button", "chip-3-1", "Remove Mar 2031")]
        plain = [("span", "", "Courier"), ("span", "", "Mar 2031")]
        for status in ("done", "stopped", "failed"):
            assert self.chips(Turn(3, "Who?", status, self.UNDERSTOOD)) == buttons
            assert self.chips(Turn(3, "Who?", status, self.UNDERSTOOD), last=False) == plain
        assert self.chips(Turn(3, "Who?", "answering", self.UNDERSTOOD)) == plain
        shown = messages((Turn(1, "Who?", "done", self.UNDERSTOOD), Turn(2, "Who?", "done", self.UNDERSTOOD)))
        assert ['id="chip-' in each["content"] for each in shown] == [False, False, False, True]

    def test_what_is_ignored_is_struck_through_and_can_come_back(self) -> None:
        turn = Turn(3, "Who?", "done", self.UNDERSTOOD, ignored=("Courier",))
        assert self.chips(turn) == [
            ("button", "chip-3-0", "Remove Mar 2031"),
            ("button", "chip-3-1", "Bring back Courier (ignored)"),
        ]
        assert marked(answer_markup(turn, True), "s") == ["Courier"]
        assert self.chips(replace(turn, status="failed", answer=None))[0][1:] == (
            "chip-3-0",
            "Bring back Courier (ignored)",
        )
        assert self.chips(replace(turn, status="waiting", answer=None)) == [("span", "", "Courier (ignored)")]

    def test_a_label_counts_or_is_ignored(self) -> None:
        turn = Turn(1, "Who?", "done", self.UNDERSTOOD)
        assert turn.labels == ("Courier", "Mar 2031")
        turn = replace(turn, ignored=turn.toggled("Courier"))
        assert turn.ignored == ("Courier",)
        assert turn.labels == ("Mar 2031", "Courier")
        assert replace(turn, ignored=turn.toggled("Mar 2031")).ignored == ("Courier", "Mar 2031")
        assert turn.toggled("Courier") == ()
        assert begin((turn,), "And?")[-1].ignored == ()

    @given(st.text(min_size=1, max_size=80), st.booleans())
    @settings(max_examples=100, deadline=None)
    def test_a_label_is_only_text(self, label: str, ignored: bool) -> None:
        answer = Answer("Who?", text="So.", understood=() if ignored else (label,), complete=True)
        turn = Turn(1, "Who?", "done", answer, ignored=(label,) if ignored else ())
        markup = answer_markup(turn, last=True)
        inner = markup.partition('<span class="chip-name">')[2].partition("</span>")[0]
        assert not re.search(r"[!-/:-@\[-`{-~]", re.sub(r"&#\d+;", "", inner))
        shown = "".join(html.unescape(inner))
        assert len(shown) <= MAX_LABEL
        assert shown == one_line(label) or shown.endswith("…")
        assert Elements(markup).tags.count("button") == 1


class TestSources:
    def test_a_card_holds_the_quote_in_its_passage(self) -> None:
        card = turn_data(Turn(3, "Who?", "done", BOTH))["cards"][1]
        assert card == {
            "article": "mill.md",
            "title": "The mill of Tarn",
            "byline": "Courier · as of 4 March 2031 · Ada Rusk",
            "language": "",
            "also": "",
            "place": "",
            "met": [],
            "why": why_data(BOTH.citations[1].hit),
            "id": "s-3-2",
            "number": 1,
            "before": "The mill burned down in 1911. ",
            "quote": "It was rebuilt in brick.",
            "after": " Nobody was hurt.",
            "start": 30,
            "end": 54,
            "check": check_of("It was rebuilt in brick."),
        }
        assert card["before"] + card["quote"] + card["after"] == TEXT

    def test_passages_that_are_not_cited_come_after(self) -> None:
        data = turn_data(Turn(1, "Who?", "done", BOTH))
        assert [card["before"] for card in data["more"]] == [TEXT[30:]]
        assert [card["number"] for card in data["more"]] == [0]

    def test_a_card_names_where_else_it_stands_and_what_it_meets(self) -> None:
        copies = [Header(f"{each}.md", outlet=f"Post <{each}>", published="2031-03") for each in range(MAX_ALSO)]
        found = replace(hit(), also=tuple(copies[:2]), why=Why(met=("Courier", "Mar\u202e 2031")))
        answer = answered("…", Sentence("It burned.", (cited(1, MILL.quote, found),)), hits=(found,))
        data = turn_data(Turn(1, "Who?", "done", answer))
        assert data["cards"][0]["also"] == "Also in Post <0>, March 2031; Post <1>, March 2031"
        assert data["cards"][0]["met"] == []
        more = turn_data(Turn(1, "Who?", "done", replace(answer, citations=())))["more"][0]
        assert more["also"] == data["cards"][0]["also"]
        assert more["met"] == ["Courier", "Mar 2031"]
        many = replace(found, also=(*copies, copies[0], Header("x.md", title="T" * 999), Header("notes/y.md")))
        assert also(many).endswith("Post <4>, March 2031; 2 more")
        assert also(hit()) == ""

    def test_every_source_says_as_of_when_it_speaks_and_an_article_when_it_appeared(self) -> None:
        data = turn_data(Turn(1, "Who?", "done", BOTH))
        assert {card["byline"] for card in (*data["cards"], *data["more"])} == {
            "Courier · as of 4 March 2031 · Ada Rusk"
        }
        undated = answered("…", hits=(hit(Document("a.md", "A note", text="It rained.")),))
        assert turn_data(Turn(1, "Who?", "done", undated))["more"][0]["byline"] == "undated"
        assert article_data(DOCUMENT)["byline"] == "Courier · 4 March 2031 · Ada Rusk"

    def test_there_are_never_too_many(self) -> None:
        hits = tuple(hit(start=each) for each in range(50))
        assert len(turn_data(Turn(1, "Who?", "done", Answer("Who?", hits=hits)))["more"]) == MAX_MORE

    def test_the_panel_holds_every_turn_by_string_keys(self) -> None:
        turns = (Turn(9, "Who?", "done", BOTH), Turn(10, "And?", "answering", BOTH), Turn(11, "Waiting?"))
        value = panel(turns)
        assert list(value["turns"]) == ["9", "10"]
        assert value["current"] == "10"
        assert json.loads(json.dumps(value)) == value
        assert panel(()) == {"turns": {}, "whole": True, "current": ""}

    def test_of_an_answer_that_is_being_written_only_its_own_sources_are_sent(self) -> None:
        turns = tuple(Turn(number, "Who?", "done", BOTH) for number in (1, 2, 3))
        whole = panel(turns)
        assert set(whole["turns"]) == {"1", "2", "3"}
        newest = {"turns": {"3": whole["turns"]["3"]}, "whole": False, "current": "3"}
        assert panel(turns, newest=True) == newest
        # A new question may stand where another was: what the page still has of that must go.
        assert panel((*turns[:2], Turn(3, "When?")), newest=True) == panel(turns[:2])

    def test_a_title_is_never_longer_than_a_title(self) -> None:
        title = turn_data(Turn(1, "?", "done", Answer("?", hits=(hit(Document("a.md", "x\n" * 999, text="Text.")),))))
        assert len(title["more"][0]["title"]) == MAX_TITLE

    def test_an_article_without_a_title_has_its_files_name(self) -> None:
        assert article_data(Document("notes/a.md", text="It rained."))["title"] == "notes/a.md"


class TestDates:
    @pytest.mark.parametrize(
        ("published", "spoken"),
        [
            ("2031-12-31", "31 December 2031"),
            ("2031-01", "January 2031"),
            ("2031", "2031"),
            ("", ""),
            ("<b>", "<b>"),
            ("2031-13-01", "2031-13-01"),
        ],
    )
    def test_a_date_is_as_exact_as_it_is_known(self, published: str, spoken: str) -> None:
        assert spoken_date(published) == spoken


class TestArticle:
    @given(
        st.text(alphabet="ab 🚢é\n.", max_size=80),
        st.integers(-5, 90),
        st.integers(-5, 90),
    )
    @settings(max_examples=100, deadline=None)
    def test_the_pieces_are_the_text_and_the_marked_ones_the_span(self, text: str, start: int, end: int) -> None:
        paragraphs = article_data(Document("a.md", text=text), Place(start, end))["paragraphs"]
        letters = [(letter, marked) for pieces in paragraphs for piece, marked in pieces for letter in piece]
        wanted = [
            (letter, max(start, 0) <= position < end) for position, letter in enumerate(text) if not letter.isspace()
        ]
        assert [each for each in letters if not each[0].isspace()] == wanted
        assert all(piece for pieces in paragraphs for piece, _ in pieces)

    def test_a_blank_line_parts_paragraphs_and_a_line_break_does_not(self) -> None:
        paragraphs = article_data(Document("a.md", text="one\ntwo\n \n\nthree"))["paragraphs"]
        assert paragraphs == [[["one\ntwo", False]], [["three", False]]]

    def test_a_very_long_article_is_shown_around_its_sentence(self) -> None:
        text = "word " * MAX_ARTICLE + "here it is"
        data = article_data(Document("a.md", text=text), Place(len(text) - 10, len(text)))
        shown = "".join(piece for pieces in data["paragraphs"] for piece, _ in pieces)
        assert data["cut"]
        assert len(shown) <= MAX_ARTICLE
        assert data["paragraphs"][-1][-1] == ["here it is", True]
        assert not article_data(DOCUMENT)["cut"]

    def test_what_moved_is_marked_where_it_is_now_and_what_is_gone_nowhere(self) -> None:
        text = "It rained on Monday. The river rose."
        noted = [Place(0, 20, check_of(text[:20])), Place(21, 36, check_of(text[21:]))]
        now = Document("a.md", text=f"Correction, 3 May.\n\n{text[21:]} It snowed on Monday.")
        for asked, others, at in ((noted[1], noted[:1], 1), (noted[0], noted[1:], 0)):
            data = article_data(now, asked, others)
            marked = [piece for pieces in data["paragraphs"] for piece, mark in pieces if mark]
            assert (marked, data["at"], data["gone"]) == (["The river rose."], at, 1)
        assert article_data(Document("a.md", text=text), *noted[:1], noted[1:])["gone"] == 0


class TestConversation:
    def test_turns_are_counted_on_and_the_oldest_leave(self) -> None:
        turns: tuple[Turn, ...] = ()
        for _ in range(MAX_TURNS + 3):
            turns = begin(turns, "Who?")
        assert [turns[0].number, turns[-1].number, len(turns)] == [4, MAX_TURNS + 3, MAX_TURNS]

    def test_what_nobody_came_to_answer_is_stopped_by_the_next_question(self) -> None:
        turns = begin(begin((), "One?"), "Two?")
        assert [(each.question, each.status) for each in turns] == [("One?", "stopped"), ("Two?", "waiting")]
        assert begin(change(begin((), "One?"), status="failed"), "Two?")[0].status == "failed"

    def test_history_is_what_was_answered_in_the_last_turns(self) -> None:
        turns = tuple(Turn(each, f"q{each}", "done", BOTH) for each in range(20))
        turns = (*turns, Turn(20, "stopped", "stopped", BOTH), Turn(21, "failed", "failed"))
        said = history(turns)
        assert len(said) == 2 * MAX_HISTORY
        assert said[-2:] == (Message("user", "q19"), Message("assistant", BOTH.text))

    def test_an_empty_conversation_stays_empty(self) -> None:
        assert change((), status="done") == ()

    @pytest.mark.parametrize("sent", [None, 1, b"Who?", ["Who?"], "", " \n", "\x00", "\ud800"])
    def test_what_is_no_question_is_none(self, sent: Any) -> None:
        assert clean_question(sent) == ""

    def test_a_question_keeps_its_words(self) -> None:
        assert clean_question(" Кто — \u202ewho\u2066 \U0001f6a2? ") == "Кто — who \U0001f6a2?"
        with pytest.raises(QuestionError, match="2,001; ask a shorter one"):
            clean_question("x" * 2001)


class TestExamples:
    def write(self, folder: Path, *entries: Any) -> Path:
        lines = [entry if isinstance(entry, str) else json.dumps(entry) for entry in entries]
        (folder / "questions.jsonl").write_text("\n".join(lines), encoding="utf-8")
        return folder

    def test_the_marked_ones_are_shown(self, tmp_path: Path) -> None:
        folder = self.write(tmp_path, {"question": "A?"}, {"question": "B?", "example": True}, {"question": "C?"})
        assert read_questions(folder) == ["B?"]

    def test_else_those_that_have_an_answer(self, tmp_path: Path) -> None:
        folder = self.write(
            tmp_path,
            {"question": "A?", "kind": "none"},
            {"question": "B?", "none": True},
            *({"question": f"{each}?"} for each in "CDE"),
        )
        assert read_questions(folder) == ["C?", "D?", "E?"]

    def test_damage_and_absence_are_no_examples(self, tmp_path: Path) -> None:
        assert read_questions(tmp_path) == []
        folder = self.write(tmp_path, "{", "[1]", '{"question": 3}', {"question": "x" * 2001}, {"question": "Fine?"})
        assert read_questions(folder) == ["Fine?"]
        (tmp_path / "questions.jsonl").write_bytes(b"\xff\xfe\x00")
        assert read_questions(tmp_path) == []
        self.write(tmp_path, "[" * 100_000, {"question": "Fine?"})
        assert read_questions(tmp_path) == ["Fine?"]

    @pytest.mark.skipif(os.name != "posix", reason="needs pipes and links")
    def test_only_a_file_is_read(self, tmp_path: Path) -> None:
        (place := tmp_path / "questions.jsonl").symlink_to("/dev/zero")
        assert read_questions(tmp_path) == []  # else it fills the memory
        place.unlink()
        os.mkfifo(place)
        assert read_questions(tmp_path) == []  # else it waits for ever, and each opened page with it


class TestOpening:
    def wait(self, opening: Opening) -> State:
        opening.wait(10)
        return opening.state

    def test_progress_comes_in_words_until_the_chatbot_is_there(self) -> None:
        seen: list[State] = []
        opening: Opening

        def open_chatbot(on_progress: Any) -> Any:
            on_progress(Progress("embedding", 12, 1063))
            seen.append(opening.state)
            return "a chatbot"

        opening = Opening(open_chatbot)
        assert opening.state.kind == "loading"
        opening.start()
        assert self.wait(opening) == State("ready", "")
        (state,) = seen
        assert state.text == "Embedding 12 of 1,063 passages…"
        assert replace(state, text="") == State("loading", "", 12, 1063, "embedding")
        assert opening.chatbot == "a chatbot"  # type: ignore[comparison-overlap]

    def test_it_is_opened_once(self) -> None:
        calls: list[int] = []
        opening = Opening(lambda _: calls.append(1) or "chatbot")  # type: ignore[func-returns-value, arg-type, return-value]
        for _ in range(3):
            opening.start()
            self.wait(opening)
        assert calls == [1]

    def test_a_failure_is_told_and_can_be_tried_again(self) -> None:
        errors: list[Exception] = [EmbedderError("no model; install one"), ValueError("/home/me key=1")]

        def open_chatbot(_: Any) -> Any:
            if errors:
                raise errors.pop(0)
            return "a chatbot"

        opening = Opening(open_chatbot)
        opening.start()
        assert self.wait(opening) == State("failed", "No model; install one")
        opening.start()
        told = self.wait(opening)
        assert told.kind == "failed"
        assert "ValueError" in told.text
        assert "home" not in told.text
        opening.start()
        assert self.wait(opening).kind == "ready"


class TestNewest:
    def collect(self, start: Any) -> list[Any]:
        async def run() -> list[Any]:
            return [value async for value in newest(start, pause=0)]

        return run_apart(run())

    def test_the_last_value_always_comes(self) -> None:
        values = self.collect(lambda: iter(range(1000)))
        assert values[-1] == 999
        assert values == sorted(set(values))

    def test_nothing_comes_of_nothing(self) -> None:
        assert self.collect(lambda: iter(())) == []

    def test_an_error_comes_after_what_was_there(self) -> None:
        def values() -> Iterator[int]:
            yield 1
            raise KeyError("x")

        async def run() -> int:
            stream = newest(values, pause=0)
            first = await anext(stream)
            with pytest.raises(KeyError):
                await anext(stream)
            return first

        assert run_apart(run()) == 1

    def test_leaving_is_immediate_and_closes_the_iterator_in_its_thread(self) -> None:
        entered, release, closed = threading.Event(), threading.Event(), threading.Event()

        def values() -> Iterator[int]:
            try:
                yield 1
                entered.set()
                assert release.wait(10)
                yield 2
            finally:
                closed.set()

        async def run() -> None:
            stream = newest(values, pause=0)
            assert await anext(stream) == 1
            waiting = asyncio.ensure_future(anext(stream))
            assert await asyncio.to_thread(entered.wait, 10)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert not closed.is_set()
            release.set()
            assert await asyncio.to_thread(closed.wait, 10)

        run_apart(run())


class Services:
    """The models' room as the page sees it, noting what it is asked for."""

    keyed = ("paid",)

    def __init__(self) -> None:
        self.opened: list[tuple[str, str]] = []

    def look(self) -> list[Reachable]:
        return [Reachable("near", ("small",), "running"), Reachable("paid", (), "no key")]

    def check(self, name: str) -> str:
        if ":" not in name:
            raise SettingsError("no such model; write SERVICE:NAME")
        return name

    def open(self, settings: Settings, key: Key | None) -> Any:
        if settings.model.startswith("paid") and not key:
            raise SettingsError("paid needs a key; set PAID_API_KEY")
        self.opened.append((settings.model, key.reveal() if key else ""))
        return settings.model


def has_key(models: Models, session: str) -> bool:
    return bool(models.data(Visitor(session))["forget_key"]["visible"])


class TestModels:
    @pytest.fixture
    def now(self) -> list[float]:
        return [0.0]

    @pytest.fixture
    def models(self, now: list[float]) -> Models:
        return Models(Settings(), Services(), capacity=3, idle_seconds=60, clock=lambda: now[0])

    def test_what_is_chosen_is_opened_with_the_sessions_own_key(self, models: Models) -> None:
        models.keep_key("one", "paid", " test-key\n")
        assert models.choose("one", " paid:grand ") == "From your next question on, paid:grand writes the answers."
        assert models.choice("one").open() == "paid:grand"  # type: ignore[comparison-overlap]
        assert models.services.opened[-1] == ("paid:grand", "test-key")  # type: ignore[attr-defined]
        assert models.choice("two").name == ""
        with pytest.raises(SettingsError, match="set PAID_API_KEY, or enter one under API keys"):
            models.choose("two", "paid:grand")
        assert models.current("two") == "extractive"

    def test_a_service_that_is_not_running_is_not_chosen(self, models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
        models.choose("one", "near:small")
        stopped = replace(Services().look()[0], models=(), state="not running")
        monkeypatch.setattr(models.services, "look", lambda: (stopped,))
        with pytest.raises(SettingsError, match="near offers no model now; start it"):
            models.choose("one", "near:other")
        assert models.current("one") == "near:small"

    def test_the_page_gets_names_and_states_but_no_key(self, models: Models) -> None:
        models.look()
        models.keep_key("one", "paid", "test-key")
        data = models.data(Visitor("one"))
        assert data["model"] == {
            "choices": [("The articles’ own sentences", "extractive"), ("near:small", "near:small")],
            "value": "extractive",
        }
        assert data["service"]["choices"] == [("paid · key is set for this session", "paid")]
        assert "<dt>paid</dt>" in data["unready"]["value"]
        assert (data["test"]["visible"], data["forget_key"]["visible"]) == (False, True)
        assert models.data(Visitor("two"))["service"]["choices"] == [("paid", "paid")]
        assert "test-key" not in repr((data, models.choice("one"), vars(models)))

    def test_forgetting_a_key_gives_way_to_the_servers_own_model(self, models: Models) -> None:
        models.keep_key("one", "paid", "test-key")
        models.choose("one", "paid:grand")
        assert models.forget_key("one", "paid").endswith("answers are the articles' own sentences.")
        assert models.current("one") == "extractive"
        models.choose("one", "near:small")
        models.keep_key("one", "paid", "test-key")
        assert models.forget_key("one", "paid") == "The key for paid is forgotten."
        assert models.current("one") == "near:small"

    def test_a_key_reaches_the_servers_own_model(self) -> None:
        services = Services()
        models = Models(Settings(model="paid:own"), services)
        assert models.choice("one").name == ""
        models.keep_key("one", "paid", "test-key")
        assert models.choice("one").open() == "paid:own"  # type: ignore[comparison-overlap]
        assert services.opened == [("paid:own", "test-key")]

    @pytest.mark.parametrize("name", [None, 1, "", "  ", "small", "x:" + "y" * 200, ["near:small"], {}])
    def test_what_is_no_name_changes_nothing(self, models: Models, name: Any) -> None:
        models.choose("one", "near:small")
        with pytest.raises(SettingsError, match="SERVICE:NAME"):
            models.choose("one", name)
        assert models.current("one") == "near:small"

    @pytest.mark.parametrize(
        ("service", "key"),
        [("near", "k"), (None, "k"), ([], "k"), ("paid", ""), ("paid", " "), ("paid", "a b"), ("paid", "a\nb")]
        + [("paid", each) for each in (None, 5, "к", "k\x00", "k" * 501)],
    )
    def test_what_is_no_key_is_refused_and_not_repeated(self, models: Models, service: Any, key: Any) -> None:
        with pytest.raises(SettingsError) as caught:
            models.keep_key("one", service, key)
        assert str(caught.value) in (
            "this service takes no key; choose one from the list",
            "this is no key; copy it again, in one piece",
        )
        assert not has_key(models, "one")

    def test_only_so_many_sessions_are_remembered(self, models: Models) -> None:
        for session in ("one", "two", "three"):
            models.keep_key(session, "paid", "test-key")
        models.choice("one")
        models.keep_key("four", "paid", "test-key")
        kept = [each for each in ("one", "two", "three", "four") if has_key(models, each)]
        assert kept == ["one", "three", "four"]

    def test_who_leaves_or_stays_away_is_forgotten(self, models: Models, now: list[float]) -> None:
        models.keep_key("one", "paid", "test-key")
        models.forget("one")
        assert not has_key(models, "one")
        models.keep_key("two", "paid", "test-key")
        now[0] = 59
        models.keep_key("three", "paid", "test-key")
        now[0] = 60
        models.forget_idle()
        assert [has_key(models, each) for each in ("two", "three")] == [False, True]

    def test_what_was_chosen_outlives_the_key_that_it_needs_and_says_what_is_missing(
        self, models: Models, now: list[float]
    ) -> None:
        """A page that lost its connection for a moment, or its reader for an hour, still shows the model that was chosen."""
        for session, lost in (("one", lambda: models.forget("one")), ("two", lambda: now.__setitem__(0, now[0] + 61))):
            models.keep_key(session, "paid", "test-key")
            models.choose(session, "paid:grand")
            models.change(session, {"k": 5})
            lost()
            choice = models.choice(session)
            assert models.current(session) == choice.name == "paid:grand"
            assert choice.changes == {"k": 5}
            with pytest.raises(SettingsError, match="set PAID_API_KEY, or enter one under API keys"):
                choice.open()

    def test_who_stays_away_is_forgotten_though_nobody_else_comes(self) -> None:
        models = Models(Settings(), Services(), idle_seconds=0.05)
        models.keep_key("one", "paid", "test-key")
        timer = models._timer
        assert timer is not None
        timer.join(10)
        assert not has_key(models, "one")
        assert models._timer is None

    def test_rag_api_key_goes_to_the_servers_own_model_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAG_API_KEY", "test-key")
        monkeypatch.delenv("GROQ_API_KEY", raising=False)
        services = ChatServices(Settings(model="https://models.example/v1#grand"))
        with pytest.raises(SettingsError, match="Groq needs a key"):
            services.open(Settings(model="groq:small"), None)

    def test_a_service_without_its_key_says_where_to_enter_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("RAG_API_KEY", raising=False)
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        found = (Reachable("ollama", (), "not running"), Reachable("openai", (), "no key; set OPENAI_API_KEY"))
        monkeypatch.setattr("rag.chat.reachable.reachable", lambda: found)
        near, paid = ChatServices(Settings()).look()
        assert (near.state, paid.state) == (found[0].state, f"{found[1].state}, or enter one under API keys")
        monkeypatch.setenv("OPENAI_API_KEY", "test-key")
        assert tuple(ChatServices(Settings()).look()) == found

    @pytest.mark.parametrize("name", ["https://evil.test/v1#x", "local:/etc", "gguf:x.gguf", "nothing"])
    def test_no_addresses_folders_or_files_are_chosen_on_the_page(self, name: str) -> None:
        with pytest.raises(SettingsError, match="SERVICE:NAME"):
            ChatServices(Settings()).check(name)
        assert ChatServices(Settings(model=name)).check(name) == name
        assert ChatServices(Settings()).check("ollama:small") == "ollama:small"
        assert "groq" in ChatServices(Settings()).keyed
        assert "ollama" not in ChatServices(Settings()).keyed


class TestGuard:
    def send(
        self, method: str = "GET", path: str = "/", kind: str = "http", **headers: str
    ) -> tuple[int, dict[str, str]]:
        """The status a request gets, 0 where the application was reached and said nothing, and the answer's headers."""
        sent: list[Any] = []
        headers = {"host": "127.0.0.1:7860", **headers}

        async def application(scope: Any, receive: Any, send: Any) -> None:
            start = {"type": "http.response.start", "status": 200, "headers": [(b"X-Frame-Options", b"ALLOWALL")]}
            await send(start if scope["type"] == "http" else {"type": "websocket.accept"})

        async def receive() -> Any:
            return {}

        async def collect(message: Any) -> None:
            sent.append(message)

        encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": kind, "method": method, "path": path, "headers": encoded}
        run_apart(Guard(application)(scope, receive, collect))
        answer = {name.decode(): value.decode() for name, value in sent[0].get("headers", ())}
        return sent[0].get("status", sent[0].get("code", 0)), answer

    @pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "LOCALHOST:1", "[::1]:7860"])
    def test_its_own_names_are_answered(self, host: str) -> None:
        assert self.send(host=host)[0] == 200

    @pytest.mark.parametrize(
        "host", ["evil.test", "", "localhost.evil.test", "127.0.0.1@evil.test", "[::2]:7860", "0.0.0.0"]
    )
    def test_other_names_are_refused(self, host: str) -> None:
        status, headers = self.send(host=host)
        assert status == 400
        assert "content-security-policy" in headers

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({}, 200),
            ({"origin": "http://127.0.0.1:7860"}, 200),
            ({"origin": "http://127.0.0.1:7861"}, 403),
            ({"origin": "https://evil.test"}, 403),
            ({"origin": "null"}, 403),
            ({"sec_fetch_site": "cross-site"}, 403),
            ({"sec_fetch_site": "same-origin"}, 200),
            ({"content_length": "1000000"}, 200),
            ({"content_length": "1000001"}, 413),
            ({"transfer_encoding": "chunked"}, 413),
        ],
    )
    def test_only_the_page_itself_may_change_something(self, headers: dict[str, str], status: int) -> None:
        assert self.send("POST", **headers)[0] == status

    def test_files_come_in_at_their_own_addresses_only(self) -> None:
        assert self.send("POST", "/gradio_api/upload")[0] == 403
        for path, status in ((ARTICLES_AT, 200), (DRAFT, 200), (ADDRESSES, 413)):
            assert self.send("POST", path, content_length="1000001")[0] == status
            assert self.send("POST", path, transfer_encoding="chunked")[0] == 413
            assert self.send("POST", path, origin="https://evil.test")[0] == 403

    def test_a_foreign_socket_is_closed(self) -> None:
        assert self.send(kind="websocket", origin="https://evil.test")[0] == 1008
        assert self.send(kind="websocket", origin="http://127.0.0.1:7860")[0] == 0

    def test_every_answer_carries_the_headers_once(self) -> None:
        _, headers = self.send()
        assert headers == {name.decode(): value.decode() for name, value in HEADERS}
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"

    def test_what_is_named_after_its_content_is_asked_for_once(self) -> None:
        assert "immutable" in self.send(path="/assets/index-DphvyggB.js")[1]["cache-control"]
        assert "cache-control" not in self.send(path="/assets/index-DphvyggB.js", host="evil.test")[1]
        assert "cache-control" not in self.send(path="/config")[1]

    @pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org", ""])
    def test_no_other_machine_is_let_in_without_a_login(self, host: str) -> None:
        with pytest.raises(SettingsError, match="set RAG_HOST to 127.0.0.1"):
            check_host(host)

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
    def test_this_machine_is(self, host: str) -> None:
        assert check_host(host) == host


class TestFiles:
    def test_no_template_takes_data(self) -> None:
        """gradio runs what it finds between these marks in a template: ours must hold none."""
        for template in FOLDER.glob("*.html"):
            assert not re.search(r"\{\{|\$\{|`|\\", template.read_text(encoding="utf-8")), template.name

    def test_scripts_write_text_only(self) -> None:
        for script in FOLDER.glob("*.js"):
            forbidden = (
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setAttribute\(.on"
            )
            assert not re.search(forbidden, script.read_text(encoding="utf-8")), script.name

    def test_every_file_that_the_style_names_is_there(self) -> None:
        named = re.findall(r'url\("(/[^"]+)"\)', asset("fonts.css"))
        assert len(named) == 6
        for each in named:
            assert (FOLDER / each.removeprefix("/footnote/")).is_file()
        assert (FOLDER / "fonts" / "OFL.txt").is_file()
        assert (FOLDER / "icon.svg").is_file()


class TestStarting:
    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        root = Path(__file__).parent.parent
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=root,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def test_help_does_not_wait_for_gradio(self) -> None:
        script = (
            "import sys, ui; from rag.__main__ import cli; cli(['chat', '--help'], standalone_mode=False); "
            "assert 'gradio' not in sys.modules"
        )
        found = self.run("-c", script)
        assert found.returncode == 0, found.stderr
        assert "RAG_ARTICLES" in found.stdout

    def test_another_machine_cannot_be_served(self) -> None:
        found = self.run("ui.py", "--host", "0.0.0.0")
        assert found.returncode == 64
        assert "set RAG_HOST to 127.0.0.1" in found.stderr

    def test_without_gradio_it_says_what_to_install(self) -> None:
        script = (
            "import sys; sys.modules['gradio'] = None; import ui, rag.settings\n"
            "try: ui.build_page(print, rag.settings.Settings())\n"
            "except Exception as error: print(type(error).__name__, error)"
        )
        found = self.run("-c", script)
        assert found.stdout == "MissingExtra the page needs gradio; install it with: pip install 'footnote-rag[ui]'\n"

    def test_a_port_that_is_taken_is_passed_over(self) -> None:
        from ui import free_port

        with socket.create_server(("127.0.0.1", 0)) as server:
            taken = server.getsockname()[1]
            assert free_port("127.0.0.1", taken) > taken
        assert free_port("127.0.0.1", taken) == taken


def test_the_page_never_learns_the_query_or_path_of_the_servers_model() -> None:
    from rag.chat.model_names import shown_name
    from rag.web.models import ChatServices, Models

    for secret in ("http://127.0.0.1:9/v1?api-key=test-key-canary#m", "gguf:/test-key-canary/m.gguf"):
        settings = Settings(model=secret)
        models = Models(settings, ChatServices(settings))
        said = "" if secret.startswith("gguf") else models.choose("one", shown_name(secret))
        assert "canary" not in json.dumps(models.data(Visitor("one"))) + said
