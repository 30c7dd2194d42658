"""A file of questions in the page: chosen beside the question box, saved as a file of answers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from double import Opener

pytestmark = pytest.mark.browser


def test_a_file_of_questions_is_answered_into_a_file(
    visit: Callable[..., Any], shared: tuple[str, Opener], expect: Any
) -> None:
    page = visit(shared[0])
    sent = {"name": "asked.txt", "mimeType": "text/plain", "buffer": b"What do ferries cost?\nWhat did the frost do?\n"}
    with page.expect_download() as download:
        page.locator(".asking input[type=file]").set_input_files(sent)
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert [each["question"] for each in rows] == ["What do ferries cost?", "What did the frost do?"]
    assert all(each["state"] for each in rows)
    expect(page.locator(".asking-batch")).to_have_text("The answers are saved as answers.csv.")
