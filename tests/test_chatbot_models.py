"""Answers that a chat model writes: whatever it writes, only what the articles carry is shown as carried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import scripted
from embeddings import Embedder
from news import write_articles
from rag.answer.answering import NOTHING
from rag.chat import ChatModel, Draft
from rag.chatbot import WITHHELD, Chatbot
from rag.errors import AnswerCut, ChatError, ContextTooLong, EndpointUnreachable, MissingExtra
from rag.settings import Settings
from rag.types import Answer, Message

QUESTION = "How long will the tram line be?"


class Scripted:
    """A chat model that yields the given drafts and errors, and remembers what it read."""

    name = "scripted:test"
    context_tokens = 4096

    def __init__(self, *steps: str | Draft | Exception, replies: Sequence[str] = ()) -> None:
        self.steps = steps
        self.read: list[Sequence[Message]] = []
        self.closed = 0

    def count_tokens(self, text: str) -> int:
        return len(text) // 3

    def stream(self, messages: Sequence[Message]) -> Iterator[Draft]:
        self.read.append(messages)
        try:
            for step in self.steps:
                if isinstance(step, Exception):
                    raise step
                yield step if isinstance(step, Draft) else Draft(step)
        finally:
            self.closed += 1


@pytest.fixture
def chatbot(settings: Settings, bundled: Embedder) -> Chatbot:
    return Chatbot.open(settings, embedder=bundled)


def with_model(chatbot: Chatbot, model: scripted.Model) -> ChatModel:
    from rag.chat.function import FunctionModel

    return FunctionModel(model, settings=chatbot.settings)


def check(chatbot: Chatbot, answer: Answer) -> None:
    """What holds for every answer at every step, whatever wrote it."""
    numbers = [citation.number for citation in answer.citations]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, len(set(numbers)) + 1))
    for citation in answer.citations:
        document = chatbot.document(citation.hit.passage.document_id)
        assert document.text[citation.start : citation.end] == citation.quote
        assert citation.hit in answer.hits
    for sentence in answer.sentences:
        assert all(0 <= start < end <= len(sentence.text) for start, end in sentence.unverified)
        assert sentence.supported or not sentence.citations
    if answer.refused:
        assert not answer.sentences


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (scripted.obeys, [(True, 1)]),
        (scripted.cites_wrongly, [(True, 1)]),
        (scripted.never_cites, [(True, 1)]),
        (scripted.invents_quotes, [(True, 1), (False, 0)]),
    ],
)
def test_citations_do_not_depend_on_obedience(
    chatbot: Chatbot, model: scripted.Model, shown: list[tuple[bool, int]]
) -> None:
    steps = list(chatbot.stream(QUESTION, model=with_model(chatbot, model)))
    for step in steps:
        check(chatbot, step)
    answer = steps[-1]
    assert [(each.supported, len(each.citations)) for each in answer.sentences] == shown
    assert answer.complete
    assert not answer.refused
    assert answer.model == "function"
    assert answer.citations[0].quote == "The council of Port Velm voted 31 to 12 on Tuesday to build a tram line."


def test_what_is_right_but_for_a_number_or_a_name_is_marked_where_it_stands(chatbot: Chatbot) -> None:
    said = scripted.says(
        "The tram line will be 41 kilometres long. Mayor Olga Kramer said that work would begin in September."
    )
    first, second = chatbot.ask(QUESTION, model=with_model(chatbot, said)).sentences
    assert [first.text[start:end] for start, end in first.unverified] == ["41"]
    assert [second.text[start:end] for start, end in second.unverified] == ["Olga"]


def test_numbers_are_given_in_order_and_never_change_while_the_answer_streams(chatbot: Chatbot) -> None:
    said = scripted.says(
        "Farmers protested because the plant takes its water from Lake Verrin [2]. The plant employs 620 people. "
        "Farmers protested because the plant takes its water from Lake Verrin."
    )
    seen: dict[str, tuple[int, ...]] = {}
    for step in chatbot.stream("What about the battery plant?", model=with_model(chatbot, said)):
        check(chatbot, step)
        for sentence in step.sentences[:-1]:
            numbers = tuple(citation.number for citation in sentence.citations)
            assert seen.setdefault(sentence.text, numbers) == numbers
    assert sorted(seen.values()) == [(1,), (1,)]


PIECES = st.sampled_from(
    [
        *("The line will be 14 kilometres long", ". ", "[1]", "[2]", " [99]", "\n- ", "**", "“never asked”", "620"),
        *("<script>", "![x](http://example.org/)", "Sources:\n", "The articles do not say. "),
    ]
)


@hypothesis_settings(max_examples=20, deadline=None)
@given(text=st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=60))
def test_whatever_a_model_writes_every_quote_stands(shared_chatbot: Chatbot, text: str) -> None:
    model = Scripted(*(text[:cut] for cut in range(0, len(text), 5)), text)
    for step in shared_chatbot.stream(QUESTION, model=model):
        check(shared_chatbot, step)
    assert model.closed == 1


@pytest.fixture(scope="module")
def shared_chatbot(tmp_path_factory: pytest.TempPathFactory, bundled: Embedder) -> Chatbot:
    from news import ARTICLES

    folder = tmp_path_factory.mktemp("models")
    articles = write_articles(folder / "articles", ARTICLES)
    return Chatbot.open(Settings(articles=articles, index=folder / "index"), embedder=bundled)


def test_an_answer_that_no_passage_carries_becomes_a_refusal(chatbot: Chatbot) -> None:
    answer = chatbot.ask(QUESTION, model=Scripted("The moon is made of green cheese. Elephants like it very much [1]."))
    assert (answer.text, answer.refused, answer.sentences) == (NOTHING, True, ())
    assert answer.hits
    assert WITHHELD in answer.notice


@pytest.mark.parametrize("text", ["The articles do not say.", "The passages do not mention the price of the moon."])
def test_a_model_that_finds_no_answer_refuses_like_the_rest(chatbot: Chatbot, text: str) -> None:
    answer = chatbot.ask(QUESTION, model=Scripted(text))
    assert (answer.text, answer.refused, answer.notice) == (NOTHING, True, "")


def test_what_the_articles_do_not_say_may_stand_beside_what_they_say(chatbot: Chatbot) -> None:
    text = "The line will be 14 kilometres long. The articles do not say how deep it will be."
    first, second = chatbot.ask(QUESTION, model=Scripted(text)).sentences
    assert (first.supported, bool(first.citations)) == (True, True)
    assert (second.supported, bool(second.citations)) == (True, False)


def test_a_model_that_fails_gives_way_to_sentences_of_the_articles(chatbot: Chatbot) -> None:
    failing = Scripted(EndpointUnreachable("nobody answers at 127.0.0.1:1; start the server"))
    answer = chatbot.ask(QUESTION, model=failing)
    alone = chatbot.ask(QUESTION)
    assert answer.model == "extractive"
    assert "Nobody answers at 127.0.0.1:1; start the server." in answer.notice
    assert replace(answer, notice="") == alone


def test_a_missing_package_gives_way_too(chatbot: Chatbot) -> None:
    answer = chatbot.ask(QUESTION, HISTORY, model=Scripted(MissingExtra("it needs a package; run pip install x")))
    assert (answer.model, "run pip install x" in answer.notice) == ("extractive", True)


def test_a_cut_answer_is_shown_as_cut(chatbot: Chatbot) -> None:
    cut = Scripted("The line will be 14 kilometres long. It will", AnswerCut("the connection broke; ask again"))
    *_, answer = chatbot.stream(QUESTION, model=cut)
    check(chatbot, answer)
    assert not answer.complete
    assert answer.citations
    assert "cut. The connection broke; ask again." in answer.notice
    nothing_of_use = Scripted("Elephants like", AnswerCut("the connection broke; ask again"))
    assert chatbot.ask(QUESTION, model=nothing_of_use).model == "extractive"


def test_a_prompt_that_is_too_long_is_halved_once_and_the_reader_is_told(settings: Settings, bundled: Embedder) -> None:
    write_articles(
        settings.articles, {f"{n}.txt": f"Tram line {n}\n\n" + f"The tram line {n} is long. " * 40 for n in range(8)}
    )
    chatbot = Chatbot.open(replace(settings, context_tokens=50_000), embedder=bundled)

    class Picky(Scripted):
        context_tokens = 100_000

        def stream(self, messages: Sequence[Message]) -> Iterator[Draft]:
            if not self.read:
                self.read.append(messages)
                raise ContextTooLong("the prompt is too long; set RAG_CONTEXT_TOKENS to less")
            return super().stream(messages)

    model = Picky("The tram line 3 is long.")
    answer = chatbot.ask("Which tram line is long?", model=model)
    assert len(model.read) == 2
    first, second = (len(scripted.passages(messages)) for messages in model.read)
    assert 0 < second < first == len(answer.hits)
    assert second <= first / 2 + 1
    assert f"read {second} of {first} passages" in answer.notice
    always = Scripted(ContextTooLong("the prompt is too long; set RAG_CONTEXT_TOKENS to less"))
    assert chatbot.ask("Which tram line is long?", model=always).model == "extractive"


def test_one_answer_can_do_without_the_chatbots_own_model(settings: Settings, bundled: Embedder) -> None:
    chatbot = Chatbot.open(settings, embedder=bundled, model=scripted.obeys)
    assert chatbot.ask(QUESTION).model == "function"
    assert chatbot.ask(QUESTION, model="extractive").model == "extractive"
    assert chatbot.ask(QUESTION, model=Scripted("The line will be 14 kilometres long.")).model == "scripted:test"


def test_leaving_a_stream_frees_the_model_at_once(chatbot: Chatbot) -> None:
    model = Scripted(*["The line will be 14 kilometres long."] * 100)
    stream = chatbot.stream(QUESTION, model=model)
    for _ in range(3):
        next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert model.closed == 1


def test_passages_come_before_the_first_word(chatbot: Chatbot) -> None:
    first = next(chatbot.stream(QUESTION, model=Scripted("The line will be 14 kilometres long.")))
    assert first.hits
    assert (first.text, first.model) == ("", "scripted:test")


HISTORY = (Message("user", "Who is the mayor?"), Message("assistant", "Mayor Ilse Kramer said that. [1]"))


class TestFollowUps:
    def test_a_model_completes_the_question_and_the_reader_sees_how(self, chatbot: Chatbot) -> None:
        model = Scripted("When did Ilse Kramer say that the work would begin?")
        answer = chatbot.ask("When did she say it begins?", HISTORY, model=model)
        assert answer.searched == "When did Ilse Kramer say that the work would begin?"
        assert answer.question == "When did she say it begins?"
        assert len(model.read) == 2
        assert answer.searched in model.read[1][-1].text

    def test_without_a_model_rules_do(self, chatbot: Chatbot) -> None:
        answer = chatbot.ask("When did she say it begins?", HISTORY)
        assert "Kramer" in answer.searched
        assert chatbot.ask(QUESTION, HISTORY).searched == ""

    @pytest.mark.parametrize("rewrite", ["rules", "off"])
    def test_it_can_be_switched_off(self, settings: Settings, bundled: Embedder, rewrite: str) -> None:
        chatbot = Chatbot.open(replace(settings, rewrite=rewrite), embedder=bundled)
        model = Scripted("The line will be 14 kilometres long.")
        answer = chatbot.ask("When did she say it begins?", HISTORY, model=model)
        assert len(model.read) == 1
        assert bool(answer.searched) == (rewrite == "rules")

    def test_a_reply_is_cleaned_like_any_question(self, chatbot: Chatbot) -> None:
        reply = Scripted("When did Ilse\u202e Kramer say\u200b that it begins?")
        assert chatbot.ask("When did she say it begins?", HISTORY, model=reply).searched == (
            "When did Ilse Kramer say that it begins?"
        )

    def test_a_reply_that_is_no_question_gives_way_to_the_rules(self, chatbot: Chatbot) -> None:
        for reply in ("", "x" * 5000, ChatError("it failed; ask again")):
            answer = chatbot.ask("When did she say it begins?", HISTORY, model=Scripted(reply))
            assert "Kramer" in answer.searched


def prompted(chatbot: Chatbot, question: str) -> tuple[list[object], bool]:
    """The dates of the passages as a model reads them, and whether it is told that they are in order."""
    read: list[Sequence[Message]] = []

    def model(messages: Sequence[Message]) -> Iterator[str]:
        read.append(messages)
        yield "The articles do not say."

    chatbot.ask(question, model=with_model(chatbot, model))
    dates = [each["date"] for each in scripted.passages(read[-1])]
    return dates, "in order of publication" in read[-1][-1].text


def test_a_model_reads_by_date_where_the_question_is_about_time(chatbot: Chatbot) -> None:
    best_first = [hit.document.published for hit in chatbot.retrieve(QUESTION)]
    assert best_first != sorted(best_first)
    assert prompted(chatbot, QUESTION) == (best_first, False)
    assert prompted(chatbot, "How long is the tram line now?") == (sorted(best_first), True)
