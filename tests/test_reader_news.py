"""The invented news that the reader learns from: every answer stands in its articles, only the first of a group answers."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import reader_news

STORY = """\
== The pier
-- en | The Harbour Ledger | 2031-04-17 | Pier to be rebuilt
The council voted on Monday to rebuild the old pier. It will cost 41 million crowns.

Work begins in May, said the mayor, Ada Lind. The old pier burned down in 2019.
-- ru | Вестник | 2031-04-18 | Пирс построят заново
Совет решил построить пирс заново. Работы обойдутся в 41 млн крон.
? pier cost | 41 million crowns | 41 млн крон
? Who is the mayor? | Ada Lind
?? Who designed the old pier?
"""


def whole(rng: random.Random, question: str, title: str, text: str, start: int, end: int) -> Any:
    """Shows all of a text."""
    from reader_texts import Pair

    return Pair(question, title, text, start, end) if start < end else Pair(question, title, text, 0, 0)


def lines(text: str) -> list[tuple[int, int]]:
    """Cuts at line ends."""
    found, start = [], 0
    for line in text.split("\n"):
        if line:
            found.append((start, start + len(line)))
        start += len(line) + 1
    return found


def test_a_file_is_read() -> None:
    """Heads, texts with their paragraphs, wordings and near misses."""
    (cluster,) = reader_news.clusters(STORY)
    assert [article.language for article in cluster.articles] == ["en", "ru"]
    assert cluster.articles[0].text.split("\n\n")[1].startswith("Work begins in May")
    assert [question.spans for question in cluster.questions] == [
        ["41 million crowns", "41 млн крон"],
        ["Ada Lind"],
        [],
    ]
    assert list(reader_news.problems(cluster)) == []


def test_a_wording_that_is_not_there_is_told() -> None:
    (cluster,) = reader_news.clusters(STORY.replace("| Ada Lind", "| Ada Lindt"))
    assert list(reader_news.problems(cluster)) == ["The pier: 'Ada Lindt' stands 0 times in an article"]


@pytest.mark.parametrize("seed", range(5))
def test_only_the_first_of_a_group_answers(seed: int) -> None:
    """With windows of whole articles, the article without a wording competes, and a near miss has an answered twin."""
    (cluster,) = reader_news.clusters(STORY)
    made = list(reader_news.groups(cluster, random.Random(seed), lines, whole))
    answered = {question.text: question.spans for question in cluster.questions}
    assert all(pair.start == pair.end == 0 for group in made for pair in group[1:])
    for group in made:
        first = group[0]
        if first.end:
            assert first.text[first.start : first.end] in answered[first.question]
    assert any(answered[group[0].question] and not answered[group[-1].question] for group in made)  # a twin
    assert all(not answered[group[0].question] for group in made if not group[0].end)


def test_all_shipped_news_can_be_asked() -> None:
    """No wording is missing or stands twice; every cluster has two articles or more, and near misses."""
    paths = sorted(Path(reader_news.__file__).with_name("reader_news").glob("*.txt"))
    read = [cluster for path in paths for cluster in reader_news.clusters(path.read_text("utf-8"))]
    assert len(read) > 500
    assert [problem for cluster in read for problem in reader_news.problems(cluster)] == []
    assert all(any(not question.spans for question in cluster.questions) for cluster in read)
