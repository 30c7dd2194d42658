"""Conversations and answers to take along: complete, marked, and harmless whatever stands in them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html
from markdown_it import MarkdownIt

from rag.errors import SettingsError
from rag.export.conversation import Conversation, Turn
from rag.export.formats import MAX_NEAREST, copied, export, markdown, web_address
from rag.export.record import VERSION
from rag.text.one_line import one_line
from rag.types import Header, Sentence, State
from talks import (
    ANSWER,
    BRICK,
    BURNED,
    CLOSEST,
    HOSTILE,
    MILL,
    REFUSAL,
    TALK,
    answered,
    cited,
    hit,
    turns,
)

KINDS = ("markdown", "plain", "html", "json")
COMMON = MarkdownIt("commonmark", {"html": True})
TABLES = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def text_of(conversation: Conversation, kind: str, title: str = "") -> str:
    return export(conversation, kind, title).content.decode()


def page(text: str) -> Any:
    return html.document_fromstring(text)


def shown(text: str) -> str:
    """What a reader of a piece of Markdown sees."""
    return " ".join("".join(html.fromstring(f"<div>{COMMON.render(text)}</div>").itertext()).split())


def tokens(text: str) -> set[str]:
    """The kinds of elements that Markdown makes of a text."""
    return {
        each.type
        for parser in (COMMON, TABLES)
        for token in parser.parse(text)
        for each in (token, *(token.children or ()))
    }


class TestWhatStandsInIt:
    @pytest.mark.parametrize("kind", KINDS)
    def test_every_format_tells_all(self, kind: str) -> None:
        text = text_of(TALK, kind)
        for said in (
            "When did the mill burn down?",
            "The mill burned down in 1911.",
            "It was rebuilt in brick.",
            "The mill of Tarn",
            "Courier",
            "Ada Rusk",
            "https://courier.example/mill",
            "It flew.",
            "ollama:tiny",
            "Who owns it?",
            "No answer found.",
        ):
            assert said in text.replace("\\", ""), said

    def test_markdown(self) -> None:
        source = "The mill of Tarn. Courier · as of 4 March 2031 · Ada Rusk. `https://courier.example/mill`."
        quotes = "“The mill burned down in 1911.” “It was rebuilt in brick.”"
        assert text_of(TALK, "markdown").split("\n\n") == [
            "# When did the mill burn down?",
            "## When did the mill burn down?",
            "The mill burned down in 1911. [^1-1] It was rebuilt in 1912 (stands in no quote). [^1-1] It flew. (no source)",
            "Written by ollama:tiny; quotes checked letter for letter by Footnote.",
            f"[^1-1]: {source} {quotes}",
            "## Who owns it?",
            "Ignored: Courier",
            "**No answer found.**",
            "**Nearest passages**",
            f"- {source}\n",
        ]

    def test_plain(self) -> None:
        source = "The mill of Tarn\n    Courier · as of 4 March 2031 · Ada Rusk\n    https://courier.example/mill"
        quotes = "    “The mill burned down in 1911.”\n    “It was rebuilt in brick.”"
        assert text_of(TALK, "plain", "The mill").split("\n\n") == [
            "The mill",
            "* * *",
            "Question: When did the mill burn down?",
            "The mill burned down in 1911. [1] It was rebuilt in 1912 (stands in no quote). [1] It flew. (no source)",
            "Written by ollama:tiny; quotes checked letter for letter by Footnote.",
            f"Sources:\n[1] {source}\n{quotes}",
            "* * *",
            "Question: Who owns it?",
            "Ignored: Courier",
            "No answer found.",
            f"Nearest passages:\n- {source}\n",
        ]

    @pytest.mark.parametrize("kind", ["markdown", "plain", "html"])
    def test_a_title_that_is_the_only_question_stands_once(self, kind: str) -> None:
        question = "When did the mill burn?"
        talk = (Turn(1, question, "done", ANSWER),)
        body = text_of(talk, kind).partition("</title>")[2] if kind == "html" else text_of(talk, kind)
        assert body.count(question) == 1
        assert text_of(talk, kind, "The mill").count(question) == 1
        assert text_of((*talk, *TALK), kind, question).count(question) > 1

    def test_a_files_name_ends_with_a_whole_word(self) -> None:
        asked = "Who told the council of Orsund that the old ferries would be kept until the bridge is built?"
        name = export((Turn(1, asked, "done", ANSWER),), "plain").name
        assert name == "footnote-who-told-the-council-of-orsund-that-the-old-ferries.txt"
        assert export((Turn(1, "m" * 90, "done", ANSWER),), "plain").name == "footnote.txt"

    def test_each_article_is_one_source_with_its_quotes(self) -> None:
        other = cited(2, "It rained.", hit(Header("rain.md", "Rain"), "It rained."))
        said = answered(Sentence("It burned and was rebuilt.", (BURNED, BRICK)), Sentence("It rained.", (other,)))
        talk = (Turn(1, "Who?", "done", said),)
        assert "It burned and was rebuilt. [1] It rained. [2]\n" in text_of(talk, "plain")
        assert text_of(talk, "plain").endswith("[2] Rain\n    undated\n    “It rained.”\n")
        items = page(text_of(talk, "html")).xpath("//ol[@class='sources']/li")
        assert [(each.get("id"), len(each.findall("blockquote"))) for each in items] == [("s-1-1", 2), ("s-1-2", 1)]

    def test_the_closest_sentences_stand_under_their_label_with_their_sources(self) -> None:
        talk = (Turn(1, "Who rebuilt it?", "done", CLOSEST),)
        label, listed = "No answer found. The closest sentences are:", "- It was rebuilt in brick. [1]"
        assert f"\n\n{label}\n\n{listed}\n\nSources:\n[1] " in text_of(talk, "plain")
        assert f"\n\n**{label}**\n\n{listed.replace('[1]', '[^1]')}\n\n[^1]: " in text_of(talk, "markdown")
        found = page(text_of(talk, "html"))
        (frame,) = found.find_class("closest")
        assert [(each.tag, each.text_content().strip()) for each in frame] == [
            ("p", label),
            ("ul", "It was rebuilt in brick.[1]"),
        ]
        assert [each.text_content() for each in found.iter("blockquote")] == ["“It was rebuilt in brick.”"]

    def test_what_answers_is_bold_context_stands_before_and_a_label_above(self) -> None:
        said = Sentence(
            "It has about 700 members.",
            (BURNED,),
            unverified=((7, 16),),
            answer=(13, 16),
            context="The club [2]",
            label="Courier",
        )
        talk = (Turn(1, "How many?", "done", answered(said)),)
        plain = "Courier\n\n(Context: The club (2)) It has about 700 (stands in no quote) members. [1]"
        assert plain in text_of(talk, "plain")
        marked = plain.replace("Courier", "**Courier**").replace("700", "**700**").replace("[1]", "[^1]")
        assert marked in text_of(talk, "markdown")
        found = page(text_of(talk, "html"))
        assert [each.text_content().strip() for each in found.find_class("context")] == ["(Context: The club (2))"]
        assert [each.text for each in found.find_class("label")] == ["Courier"]
        assert [each.text for each in found.iter("strong")] == ["700"]

    @pytest.mark.parametrize("text", ["a700b", "“700”", "700%", "*700*", "(700) and (800)"])
    def test_bold_shows_whatever_stands_beside_it(self, text: str) -> None:
        said = Sentence(f"x{text}x", (BURNED,), bold=((1, 3),), answer=(1, 1 + len(text)))
        markdown = copied(Turn(1, "?", "done", answered(said)), "markdown").split(" [^1]\n")[0]
        drawn = html.fromstring(f"<div>{COMMON.render(markdown)}</div>")
        assert drawn.text_content().strip() == f"x{text}x"
        assert "700" in drawn.findtext(".//strong")

    def test_one_answer_with_its_sources(self) -> None:
        assert copied(TALK[0], "plain") == text_of(TALK[:1], "plain").split("down?\n\n", 1)[1]
        assert copied(TALK[0], "markdown") == text_of(TALK[:1], "markdown").split("down?\n\n", 1)[1]

    def test_html(self) -> None:
        found = page(text_of(TALK, "html", "The <b> mill"))
        assert found.findtext("head/title") == found.findtext(".//h1") == "The <b> mill"
        assert [each.text for each in found.iter("h2")] == ["When did the mill burn down?", "Who owns it?"]
        assert " ".join(next(found.iter("p")).text_content().split()) == (
            "The mill burned down in 1911.[1] It was rebuilt in 1912 (stands in no quote).[1] It flew. (no source)"
        )
        assert [each.text for each in found.find_class("unverified")] == ["1912"]
        assert [each.text for each in found.find_class("unsupported")] == ["It flew."]
        assert [each.text_content() for each in found.find_class("refusal")] == ["No answer found."]
        assert [each.text_content() for each in found.iter("blockquote")] == [
            "“The mill burned down in 1911.”",
            "“It was rebuilt in brick.”",
        ]
        assert [each.get("lang") for each in found.iter("blockquote")] == ["en", "en"]
        for each in found.iter("a"):
            target = found.get_element_by_id(each.get("href").removeprefix("#"))
            assert each.text == f"[{target.get('value')}]"

    def test_lists_stay_lists(self) -> None:
        listed = (
            Sentence("Two came:"),
            Sentence("Ada.", lead="\n3. "),
            Sentence("Li.", lead="\n4. "),
            Sentence("So.", lead="\n"),
        )
        talk = (Turn(1, "Who?", "done", answered(*listed)),)
        for kind in ("plain", "markdown"):
            assert "Two came:\n\n3. Ada.\n4. Li.\n\nSo.\n" in text_of(talk, kind)
        (found,) = page(text_of(talk, "html")).iter("ol")
        assert (found.get("start"), [each.text_content().strip() for each in found]) == ("3", ["Ada.", "Li."])

    @pytest.mark.parametrize("kind", ["markdown", "plain", "html"])
    @pytest.mark.parametrize(
        ("turn", "said"),
        [
            (
                Turn(1, "Who?", "failed", note="The model is away; try again."),
                "No answer: The model is away; try again.",
            ),
            (Turn(1, "Who?", "stopped", ANSWER), "Stopped before the answer was whole."),
            (Turn(1, "Who?", "done", replace(ANSWER, complete=False)), "The answer is cut."),
            (Turn(1, "Who?", "done", replace(ANSWER, notice="The index is older.")), "The index is older."),
            (Turn(1, "Who?", "done", replace(ANSWER, searched="Who owns it?")), "Searched for: Who owns it?"),
            (Turn(1, "Who?", "done", replace(ANSWER, parts=("Who?", "Why?"))), "Asked in parts: Who? · Why?"),
            (Turn(1, "Who?", "done", replace(ANSWER, understood=("Courier",))), "Understood: Courier"),
        ],
        ids=lambda each: each if isinstance(each, str) else each.status,
    )
    def test_how_it_came_about_is_told(self, kind: str, turn: Turn, said: str) -> None:
        text = text_of((turn,), kind)
        assert said in (shown(text) if kind == "markdown" else text)

    def test_a_refusal_names_few_passages(self) -> None:
        many = replace(REFUSAL, hits=tuple(hit(replace(MILL, title=f"Title {number}")) for number in range(9)))
        for kind in ("markdown", "plain", "html"):
            assert text_of((Turn(1, "Who?", "done", many),), kind).count("Title") == MAX_NEAREST

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_empty_conversation_is_a_file_too(self, kind: str) -> None:
        assert "Conversation" in text_of((), kind)

    @pytest.mark.parametrize("kind", ["pdf", "", None, 1, [], "Markdown"])
    def test_another_kind_is_refused(self, kind: object) -> None:
        with pytest.raises(SettingsError, match="choose one of them"):
            export(TALK, kind)
        with pytest.raises(SettingsError, match="choose one of them"):
            copied(TALK[0], kind)

    @pytest.mark.parametrize("title", [*HOSTILE, "../../etc/passwd", "CON", "a" * 300])
    def test_a_file_has_a_name_for_every_system(self, title: str) -> None:
        for kind, suffix in zip(KINDS, ("md", "txt", "html", "json"), strict=True):
            assert re.fullmatch(rf"footnote[\w-]{{0,60}}\.{suffix}", export(TALK, kind, title).name)


class TestJson:
    def test_its_form(self) -> None:
        found = json.loads(text_of(TALK, "json", "The mill"))
        assert list(found) == ["format", "version", "title", "turns"]
        assert (found["format"], found["version"], found["title"]) == ("footnote conversation", VERSION, "The mill")
        assert found["turns"][0]["turn"]["answer"]["sentences"][2]["supported"] is False
        assert found["turns"][0]["citations"][0]["quote"] == BURNED.quote


ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "section", "h1", "h2", "h3", "p", "ul", "ol", "li"),
    *("sup", "a", "span", "strong", "blockquote", "cite", "div"),
}
ATTRIBUTES = {"charset", "http-equiv", "content", "name", "dir", "class", "id", "value", "href", "start", "lang"}
# The marks of our own lists, headings and emphasis; text itself may make nothing.
TOKENS = {
    *(
        "heading_open",
        "heading_close",
        "inline",
        "text",
        "paragraph_open",
        "paragraph_close",
        "strong_open",
        "strong_close",
    ),
    *("bullet_list_open", "bullet_list_close", "ordered_list_open", "ordered_list_close", "list_item_open"),
    *("list_item_close", "code_inline", "text_special", "softbreak"),
}


def harmless_html(text: str) -> None:
    found = page(text)
    for each in found.iter():
        assert isinstance(each.tag, str), "no comment, no instruction"
        assert each.tag in ELEMENTS
        assert set(each.attrib) <= ATTRIBUTES
        if "href" in each.attrib:
            assert re.fullmatch(r"#s-\d+-\d+", each.get("href"))
    assert len(list(found.iter("style"))) == 1
    assert not {each for each in text if not one_line(each) and not each.isspace()}, "nothing hidden"


def harmless_markdown(text: str) -> None:
    assert tokens(text) <= TOKENS
    for match in re.finditer(r"https?://|www\.", text):  # where it is not text in backticks, no link may be made of it
        line = text[: match.start()].rpartition("\n")[2]
        assert line.count("`") - line.count("\\`") == 1
    assert not {each for each in text if not one_line(each) and not each.isspace()}


def filled(text: str, second: str, third: str, leads: tuple[str, str], status: Any, state: Any) -> Turn:
    """A turn in which these texts stand wherever a text can stand."""
    header = Header(text, text, text, (text,), text, text, text)
    citation = cited(1, text, hit(header, text))
    all_of_it, most_of_it = (0, len(text)), (1, max(1, len(text) - 1))
    said = (
        Sentence(text, (citation,), True, leads[0], (all_of_it,), (most_of_it,), most_of_it, text, text),
        Sentence(second, (citation,), lead=leads[1], unverified=(most_of_it,), bold=(all_of_it,)),
        Sentence(third, supported=False),
    )
    answer = answered(
        *said, searched=text, parts=(text, text), understood=(text,), hits=(citation.hit,), model=text, notice=text
    )
    return Turn(1, text, status, replace(answer, state=state), text, (text,))


hostile = st.sampled_from([each for each in HOSTILE if one_line(each)])
fillings = st.tuples(
    hostile,
    hostile,
    hostile,
    st.tuples(st.sampled_from((" ", "\n- ", "\n1. ")), st.sampled_from((" ", "", "\n"))),
    st.sampled_from(("done", "failed")),
    st.sampled_from(get_args(State)),
)
any_turn = st.one_of(turns(), fillings.map(lambda each: filled(*each)))


class TestHarmless:
    @given(any_turn)
    @settings(max_examples=60, deadline=None)
    def test_html_holds_our_elements_and_our_links_only(self, turn: Turn) -> None:
        harmless_html(text_of((turn,), "html"))

    @given(any_turn)
    @settings(max_examples=60, deadline=None)
    def test_markdown_makes_our_elements_only(self, turn: Turn) -> None:
        harmless_markdown(text_of((turn,), "markdown", turn.question))
        harmless_markdown(copied(turn, "markdown"))

    @given(fillings)
    @settings(max_examples=60, deadline=None)
    def test_plain_text_has_the_lines_it_would_have_with_a_harmless_word(self, filling: tuple[Any, ...]) -> None:
        ordinary = text_of((filled("word", "word", "word", *filling[3:]),), "plain", "Title").split("\n")
        text = text_of((filled(*filling),), "plain", "Title")
        assert [bool(line) for line in text.split("\n")] == [bool(line) for line in ordinary]
        for line, harmless in zip(text.split("\n"), ordinary, strict=True):
            assert line.startswith(harmless[: re.search(r"wor|$", harmless).start()])  # type: ignore[union-attr]
        assert text.splitlines() == text.rstrip("\n").split("\n")
        assert not {each for each in text if not one_line(each) and not each.isspace()}

    @given(any_turn)
    @settings(max_examples=50, deadline=None)
    def test_json_holds_no_markup(self, turn: Turn) -> None:
        assert not set(text_of((turn,), "json")) & set("<>&\u202e\u2028\x00")

    def test_the_page_may_load_and_run_nothing(self) -> None:
        found = page(text_of(TALK, "html"))
        policy = found.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
        digest = base64.b64encode(hashlib.sha256(found.findtext("head/style").encode()).digest()).decode()
        assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        assert list(found.find("head"))[1].get("http-equiv") == "Content-Security-Policy"
        style = found.findtext("head/style")
        assert "prefers-color-scheme: dark" in style
        assert not re.search(r"url\(|@import|https?:|<", style)

    def test_nothing_written_looks_like_our_number(self) -> None:
        lying = answered(
            Sentence("It flew. [1]", supported=False),
            Sentence("It sank.[12]", (BURNED,)),
            Sentence("It [\u200b12\u200b] rose.", (BURNED,), answer=(5, 6)),
        )
        for kind in ("plain", "markdown", "html"):
            text = text_of((Turn(1, "Who?", "done", lying),), kind)
            assert re.findall(r"\[\**1\**2\]", text) == []
            assert "It flew. (1)" in text


class TestMarkdown:
    @given(
        st.one_of(
            st.text(max_size=60), st.sampled_from(HOSTILE), st.text("[]()<>*_`#-+=.:!|\\ 1ahtpsw/&;~$", max_size=30)
        )
    )
    @settings(max_examples=60, deadline=None)
    def test_every_text_shows_as_it_is(self, text: str) -> None:
        assert shown(f"x {markdown(text)}") == " ".join(f"x {one_line(text)}".split())
        assert shown(markdown(text)) == " ".join(one_line(text).split())
        assert tokens(markdown(text)) <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}

    def test_ordinary_text_stays_readable(self) -> None:
        text = "The council voted 31 to 12 (on Tuesday); it will cost 1.9 billion – “too much”, she said!"
        assert markdown(text) == text


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("https://courier.example/a?b=c&d#e", True),
        ("http://пример.example/новости", True),
        ("HTTPS://COURIER.EXAMPLE/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//courier.example", False),
        ("https://", False),
        ("https://bank.example@evil.example/", False),
        ("https://a.example/`x`", False),
        ("https://a.example/ x", False),
        ("https://a.example/<b>", False),
        ("https://a.example/\u202e", False),
        ("https://[::1", False),
        ("file:///etc/hostname", False),
        ("https://a.example/" + "x" * 2_000, False),
        ("", False),
    ],
)
def test_a_source_is_shown_where_it_is_an_address_of_the_web(source: str, shown: bool) -> None:
    assert web_address(source) == (source if shown else "")
    text = text_of((Turn(1, "Who?", "done", replace(REFUSAL, hits=(hit(replace(MILL, source=source)),))),), "plain")
    assert (source in text) == (shown or not source)
