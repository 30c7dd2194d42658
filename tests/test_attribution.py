"""Who says what is kept, left out or exchanged."""

from __future__ import annotations

import pytest

from rag.cite.attribution import misattributed, speaker

PORT = [
    "The quay at Halm was closed on Monday.",
    "Ana Brik, the harbour master, said that the quay was unsafe.",
    "She added that repairs would take a year.",
    "“Nobody asked the fishermen. We were told by letter,” Tom Vale said.",
    "The council told drivers to use the bridge.",
]


@pytest.mark.parametrize(
    ("sentence", "names"),
    [
        ("Ana Brik said the quay was unsafe.", {"ana", "brik"}),
        ("The quay is unsafe, said Ana Brik.", {"ana", "brik"}),
        ("According to Ana Brik, the quay is unsafe.", {"ana", "brik"}),
        ("In Brik's view the quay is unsafe.", {"brik"}),
        ("The mayor of Halm, Ana Brik, claimed the quay was unsafe.", {"ana", "brik"}),
        ("“It is unsafe,” Brik told the Courier, “and it was.”", {"brik"}),
        ("The plan was described by Tom Vale as a bad joke.", {"tom", "vale"}),
        ("Mr. Vale argues that the plan failed.", {"vale"}),
        ("По словам Анны Брик, причал опасен.", {"анны", "брик"}),
        ("Брик заявила, что причал опасен.", {"брик"}),
    ],
)
def test_the_speaker_is_named(sentence: str, names: set[str]) -> None:
    found = speaker(sentence)
    assert found is not None
    assert found.names == names
    assert any(name in sentence[found.start : found.end].lower() for name in names)


@pytest.mark.parametrize(
    "sentence",
    [
        "The quay was closed on Monday.",
        "The council told drivers to use the bridge.",
        "Brik called the police.",
        "The report was published in May.",
        "He asked for a lawyer.",
        "Три статьи вышли в мае.",
    ],
)
def test_a_plain_sentence_has_no_speaker(sentence: str) -> None:
    assert speaker(sentence) is None


@pytest.mark.parametrize(
    ("claim", "place", "kind"),
    [
        ("The quay was unsafe.", 1, "attribution"),
        ("The quay was unsafe, according to Brik.", 1, None),
        ("The harbour master called the quay unsafe.", 1, None),
        ("Tom Vale said that the quay was unsafe.", 1, "speaker"),
        ("Repairs will take a year.", 2, "attribution"),
        ("Ana Brik said repairs would take a year.", 2, None),
        ("Tom Vale said repairs would take a year.", 2, "speaker"),
        ("Nobody asked the fishermen.", 3, "attribution"),
        ("Vale said nobody had asked the fishermen.", 3, None),
        ("Drivers were told to use the bridge.", 4, None),
        ("The quay at Halm was closed on Monday.", 0, None),
    ],
)
def test_a_claim_keeps_the_speaker_or_is_told_of(claim: str, place: int, kind: str | None) -> None:
    found = misattributed(claim, PORT, place)
    assert (found and found.kind) == kind
    assert found is None or 0 <= found.start < found.end <= len(claim)


def test_the_outlet_and_its_author_may_always_be_named() -> None:
    claim = "The Courier reports that the quay was unsafe."
    assert misattributed(claim.replace("reports", "said"), PORT, 1, ["Courier"]) is None
    assert misattributed("The Herald said that the quay was unsafe.", PORT, 1, ["Courier"]) is not None
