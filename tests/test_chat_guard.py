"""The guard around every chat model: its clocks, its pace, its limits and how it stops."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.chat import Draft
from rag.chat.guard import LONGEST, Clocks, Notice, follow, repeats
from rag.chat.pieces import Thought, readable
from rag.errors import AnswerCut, ChatError, ContextTooLong, EndpointRefused, EndpointUnreachable, MissingExtra

LONG = Clocks(first=20, total=30)
Piece = object


class Scripted:
    """A source made of pieces, waits (numbers) and errors; ``None`` waits until it is cancelled."""

    def __init__(self, *script: object) -> None:
        self.script = script
        self.cancelled = threading.Event()
        self.ended = threading.Event()

    def read(self) -> Iterator[Piece]:
        try:
            for each in self.script:
                if isinstance(each, BaseException):
                    raise each
                if each is None or isinstance(each, float):
                    if self.cancelled.wait(each):
                        raise ConnectionError("cut")
                else:
                    yield each  # type: ignore[misc]
        finally:
            self.ended.set()

    def cancel(self) -> None:
        self.cancelled.set()


def run(source: Scripted, clocks: Clocks = LONG) -> tuple[list[Draft], Exception | None]:
    drafts: list[Draft] = []
    error: Exception | None = None
    try:
        drafts.extend(follow(source.read, clocks, source.cancel))
    except Exception as caught:
        error = caught
    assert source.ended.wait(1), "the source is always left"
    return drafts, error


def test_text_and_a_notice() -> None:
    drafts, error = run(Scripted("Good ", "", "morning.", Notice("The last page was missing.")))
    assert error is None
    assert drafts[-1] == Draft("Good morning.", "The last page was missing.")


def test_at_most_ten_drafts_a_second_and_at_least_three() -> None:
    source = Scripted(*["word ", 0.01] * 30, 0.8, "end.")
    times, texts = [], []
    for draft in follow(source.read, LONG, source.cancel):
        times.append(time.monotonic())
        texts.append(draft.text)
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    assert min(gaps) >= 0.095
    assert max(gaps) < 1  # 0.25 on a machine with nothing else to do
    assert texts.count(texts[-2]) >= 2, "while nothing comes the same draft comes again"
    assert texts[-1] == "word " * 30 + "end."


def test_the_first_draft_does_not_wait_for_the_second() -> None:
    began = time.monotonic()
    source = Scripted("word ", None)
    drafts = follow(source.read, LONG, source.cancel)
    while not next(drafts).text:
        pass
    assert time.monotonic() - began < 1
    drafts.close()  # type: ignore[attr-defined]


def test_first_clock() -> None:
    source = Scripted(" ", "\n", None, "late")
    drafts, error = run(source, Clocks(first=0.4, total=30))
    assert isinstance(error, EndpointUnreachable)
    assert (
        str(error) == "the chat model wrote no word within 0.4 seconds; set RAG_FIRST_WORD_SECONDS to a larger number"
    )
    assert all(not draft.text.strip() for draft in drafts)
    assert source.cancelled.is_set()


def test_total_clock_with_text_and_without() -> None:
    drafts, error = run(Scripted("word ", None), Clocks(first=0.5, total=0.6))
    assert drafts[-1].text == "word "
    assert isinstance(error, AnswerCut)
    assert "longer than 0.6 seconds; set RAG_ANSWER_SECONDS" in str(error)
    _, error = run(Scripted(None), Clocks(first=60, total=0.3))
    assert type(error) is EndpointUnreachable
    assert "longer than 0.3 seconds" in str(error)


def test_a_pause_stops_the_first_clock_and_is_told() -> None:
    drafts, error = run(Scripted(Notice("Please wait.", 2), 0.7, "word"), Clocks(first=0.4, total=30))
    assert error is None
    assert Draft("", "Please wait.") in drafts
    assert drafts[-1] == Draft("word", "")


def test_a_pause_does_not_stop_the_total_clock() -> None:
    _, error = run(Scripted(Notice("Please wait.", 60), None), Clocks(first=0.2, total=0.5))
    assert "longer than 0.5 seconds" in str(error)


@pytest.mark.parametrize("raised", [EndpointRefused("no; set RAG_MODEL"), ContextTooLong("no"), MissingExtra("no")])
def test_our_errors_come_as_they_are_before_text_and_as_a_cut_after(raised: Exception) -> None:
    _, error = run(Scripted(" ", raised))
    assert error is raised
    drafts, error = run(Scripted("word", raised))
    assert drafts[-1].text == "word"
    assert isinstance(error, AnswerCut)
    assert str(error) == f"the answer broke off: {raised}"


def test_a_cut_without_text_is_no_cut() -> None:
    _, error = run(Scripted(AnswerCut("the largest length was reached; set RAG_MODEL")))
    assert type(error) is ChatError
    _, error = run(Scripted("word", AnswerCut("the largest length was reached; set RAG_MODEL")))
    assert type(error) is AnswerCut
    assert str(error) == "the largest length was reached; set RAG_MODEL"


@pytest.mark.parametrize("raised", [ValueError("secret"), SystemExit("secret"), KeyboardInterrupt("secret")])
def test_foreign_errors_tell_their_type_only(raised: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    _, error = run(Scripted(raised))
    assert type(error) is ChatError
    assert str(error) == f"the chat model failed with {type(raised).__name__}; set RAG_LOG to DEBUG to see where"
    assert caplog.records == []
    _, error = run(Scripted("word", raised))
    assert isinstance(error, AnswerCut)
    assert "secret" not in str(error)


@pytest.mark.parametrize("script", [(), ("", ""), (" \n", "\t"), ("<think>Hm.</think>\n",), ("<think>Hm.",)])
def test_nothing_written(script: tuple[str, ...]) -> None:
    _, error = run(Scripted(*script))
    assert type(error) is ChatError
    assert "wrote nothing" in str(error)


def test_the_longest_answer() -> None:
    longest = "".join(f"{n:07} " for n in range(LONGEST // 8))
    drafts, error = run(Scripted(longest))
    assert (drafts[-1].text, error) == (longest, None)
    source = Scripted(*(longest[at : at + 1000] for at in range(0, LONGEST, 1000)), "y", None)
    drafts, error = run(source)
    assert drafts[-1].text == longest
    assert isinstance(error, AnswerCut)
    assert "64,000 characters" in str(error)


@pytest.mark.parametrize(
    ("piece", "fewest", "pieces"), [("Question: When? Answer: On Friday.\n", 5, 100), ("1 " * 25, 10, 100)]
)
def test_a_loop_is_cut(piece: str, fewest: int, pieces: int) -> None:
    source = Scripted("It began. ", *[piece, 0.02] * pieces)
    drafts, error = run(source)
    assert isinstance(error, AnswerCut)
    assert "the same again and again" in str(error)
    assert fewest <= drafts[-1].text.count(piece) < pieces


def test_a_text_of_any_length_may_end_without_a_loop() -> None:
    assert not any(repeats("It began at seven o'clock sharp on Friday."[:length]) for length in range(40))


class Endless:
    def __init__(self, piece: str) -> None:
        self.piece = piece
        self.stopped = False
        self.read_so_far = 0

    def read(self) -> Iterator[str]:
        while not self.stopped:
            self.read_so_far += 1
            yield self.piece

    def cancel(self) -> None:
        self.stopped = True


@pytest.mark.parametrize("piece", ["", " ", "<think>", "word "])
def test_a_source_without_end_takes_no_memory(piece: str) -> None:
    import tracemalloc

    source = Endless(piece)
    tracemalloc.start()
    with pytest.raises(ChatError):
        list(follow(source.read, Clocks(first=0.3, total=0.3), source.cancel))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
    assert source.read_so_far > 100


def test_leaving_stops_the_source_within_a_second() -> None:
    before = threading.active_count()
    source = Scripted("word", None)
    drafts = follow(source.read, LONG, source.cancel)
    next(drafts)
    began = time.monotonic()
    drafts.close()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 1
    assert source.cancelled.is_set()
    assert source.ended.is_set()
    assert threading.active_count() == before


def test_a_source_that_does_not_heed_is_left_alone_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.chat.guard.PATIENCE", 0.2)
    source = Scripted("word", None)
    release = source.cancel

    def fail() -> None:
        raise OSError("cannot")

    source.cancel = fail  # type: ignore[method-assign]
    drafts = follow(source.read, LONG, source.cancel)
    next(drafts)
    began = time.monotonic()
    drafts.close()  # type: ignore[attr-defined]
    assert 0.2 <= time.monotonic() - began < 1
    release()
    assert source.ended.wait(1)


def test_a_source_that_has_ended_is_not_cancelled() -> None:
    source = Scripted("word")
    run(source)
    assert not source.cancelled.is_set()


def test_whoever_listens_slowly_still_gets_the_whole_answer() -> None:
    begin = threading.Event()

    class Late(Scripted):
        def read(self) -> Iterator[Piece]:
            begin.wait(5)
            return super().read()

    source = Late("The ", "end.")
    drafts = follow(source.read, Clocks(first=0.4, total=0.4), source.cancel)
    next(drafts)
    begin.set()
    assert source.ended.wait(5)
    wait_until = time.monotonic() + 0.5
    while time.monotonic() < wait_until:  # busy elsewhere until the clocks have run out
        threading.Event().wait(0.05)
    assert list(drafts)[-1].text == "The end."


HARMONY = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>The mayor."


def shown_of(pieces: list[str]) -> str:
    """What a reader has before them in the end."""
    text = ""
    for each in readable(pieces):
        text = text + each if isinstance(each, str) else text[: len(text) - each.retract]
    return text


@pytest.mark.parametrize(
    "text",
    [
        "<think>Hm.</think>\n\nThe mayor.",
        "\n <thinking>Hm. </think> </thinking> The mayor.",
        "[THINK]Hm.[/THINK]The mayor.",
        "<think>one</think> <think>two</think> The mayor.",
        "<THINK>one <thinking>two</thinking> three</THINK>The mayor.",
        '<think duration="3">\nHm.\n</think>\nThe mayor.',
        "<thought>Hm <b>.</thought>The mayor.",
        "<thoughts>Hm.</thoughts>The mayor.",
        "<reasoning>Hm.</reasoning>\nThe mayor.",
        "<reflection>Hm.</reflection>The mayor.",
        "<scratchpad>1 < 2</scratchpad>The mayor.",
        "<seed:think>Hm.</seed:think>The mayor.",
        "<longcat_think>Hm.</longcat_think >The mayor.",
        "<antThinking>Hm.</antThinking>The mayor.",
        "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>The mayor.<|END_RESPONSE|>",
        "<|begin_of_thought|>Hm.<|end_of_thought|>\n<|begin_of_solution|>The mayor.<|end_of_solution|>",
        "◁think▷Hm.◁/think▷The mayor.",
        HARMONY,
        HARMONY + "<|return|>",
        "<|start|>assistant" + HARMONY.replace("final<", "final <|constrain|>json<"),
        "<|channel|>final<|message|>The mayor.",
        "<|channel|>commentary to=search<|message|>Hm.<|call|><|channel|>final<|message|>The mayor.",
        "analysisHm. The analysis.assistantfinalThe mayor.",
        "<|channel>thought\nHm.\n<channel|>The mayor.",
        "<|channel>thought\n<channel|>The mayor.",
        "<unused94>thought\nHm.<unused95>The mayor.",
        "Here is my thought process: Hm.\nHere is my response:\nThe mayor.",
        "Here are my reasoning steps:\nHm.\n[BEGIN FINAL RESPONSE]\nThe mayor.\n[END FINAL RESPONSE]",
        "<think>Hm.</think>\n<answer>The mayor.</answer>",
        "The mayor.<|im_end|>",
        "The mayor.</s>",
        # Where the chat template has begun the thought, only its end is seen.
        "Hm.\n</think>\n\nThe mayor.",
        "Hm.</thought>The mayor.",
        "Hm. 1 < 2.\n</seed:think>\nThe mayor.",
        "Hm.[/THINK]The mayor.",
        "Hm.\n<channel|>The mayor.",
        "<think>one</think>two</think>The mayor.",
    ],
)
def test_no_thought_is_shown_however_it_is_marked_and_cut(text: str) -> None:
    for size in range(1, len(text) + 1):
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        assert shown_of(pieces).strip() == "The mayor.", pieces


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The mayor.\n<think>Hm.</think>\nAnd the council.", "The mayor.\n\nAnd the council."),
        ("The mayor. <think>Hm.</think> And the council.</think> The clerk.", "The mayor.  The clerk."),
        ("The mayor.\n<think>Hm.", "The mayor.\n"),
        ("  The <think>mayor</think>.", "The <think>mayor</think>."),
        ("It uses `</think>` and “</think>”.", "It uses `</think>` and “</think>”."),
        ("Here is my thought: 3 < 4 [THINKING].", "Here is my thought: 3 < 4 [THINKING]."),
        ("analysis of the vote", "analysis of the vote"),
        ("Analysis The vote", "Analysis The vote"),
        ("<thin ice>", "<thin ice>"),
        ("<i>The</i> mayor <b", "<i>The</i> mayor <b"),
        ("<", "<"),
        ("a <|b", "a <|b"),
        ("[1] a [", "[1] a ["),
        ("a\ud83d\ude00b", "a😀b"),
        ("a\ud83db\ude00\ud83d", "ab"),
    ],
)
def test_readable_text_however_it_is_cut(text: str, shown: str) -> None:
    for size in range(1, len(text) + 1):
        assert shown_of([text[start : start + size] for start in range(0, len(text), size)]) == shown


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=40), cuts=st.lists(st.integers(0, 40), max_size=8))
def test_readable_keeps_everything_but_leading_space(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert shown_of([text[start:end] for start, end in zip(edges, edges[1:], strict=False)]) == text.lstrip()


MARKS = ["<think>", "</think>", "[THINK]", "[/THINK]", "<|channel|>", "final", "<|message|>", "<channel|>", "<|end|>"]


@settings(max_examples=200, deadline=None)
@given(text=st.lists(st.sampled_from([*MARKS, "It rained. ", "\n", " ", "<", "a"]), max_size=12).map("".join))
def test_how_marks_are_cut_makes_no_difference(text: str) -> None:
    assert shown_of(list(text)) == shown_of([text])


@pytest.mark.parametrize(
    "piece",
    ["<", "<think", "<think ", "<|", "<|channel|>", "<|channel|>final<", "</", "[", "here ", "◁", "<a:", "</s>"],
)
@pytest.mark.parametrize("size", [7, 64_000])
def test_no_text_takes_long_to_be_read(piece: str, size: int) -> None:
    def seconds(text: str) -> float:
        began = time.process_time()
        shown_of([text[start : start + size] for start in range(0, len(text), size)])
        return time.process_time() - began

    assert seconds(piece * (64_000 // len(piece))) < 3


class TestThoughts:
    """A model that thinks is alive, but not for ever."""

    def test_a_thought_is_a_sign_of_life(self) -> None:
        drafts, error = run(Scripted(*[Thought(), 0.25] * 4, "word"), Clocks(first=0.6, total=30))
        assert (drafts[-1].text, error) == ("word", None)

    def test_a_thought_in_the_text_is_one_too(self) -> None:
        drafts, error = run(Scripted("<think>", *["Hm. ", 0.25] * 4, "</think>word"), Clocks(first=0.6, total=30))
        assert (drafts[-1].text, error) == ("word", None)
        assert all(not draft.text or draft.text == "word" for draft in drafts)

    def test_silence_after_a_thought_is_none(self) -> None:
        _, error = run(Scripted(Thought(), None), Clocks(first=0.4, total=30))
        assert type(error) is EndpointUnreachable
        assert "no word within 0.4 seconds of its last thought; set RAG_FIRST_WORD_SECONDS" in str(error)

    def test_thinking_has_its_own_total_and_writing_another(self) -> None:
        _, error = run(Scripted(*[Thought(), 0.1] * 20), Clocks(first=0.6, total=0.6))
        assert "thought and took longer than 0.6 seconds; set RAG_ANSWER_SECONDS" in str(error)
        drafts, error = run(Scripted(*[Thought(), 0.2] * 3, "word ", 0.5, "end."), Clocks(first=0.9, total=0.9))
        assert (drafts[-1].text, error) == ("word end.", None)
        _, error = run(Scripted(Thought(), "word ", None), Clocks(first=0.4, total=0.4))
        assert isinstance(error, AnswerCut)

    def test_drafts_lose_what_turns_out_to_be_a_thought(self) -> None:
        drafts, error = run(Scripted("Hm, who was it? ", 0.3, "</think>The ", 0.3, "mayor."))
        assert list(dict.fromkeys(draft.text for draft in drafts)) == ["Hm, who was it? ", "The ", "The mayor."]
        assert error is None
        _, error = run(Scripted("Hm, who was it?</think>"))
        assert "wrote nothing" in str(error)
