"""A page that is an image is read by tesseract, where the system has it."""

from __future__ import annotations

import os
import re
import subprocess
from functools import lru_cache
from shutil import which
from typing import Any

from rag.read.lines import ends_sentence
from rag.read.worker import made_progress

DOTS_PER_INCH = 300
LARGEST_SIDE = 5000
"""Pixels; a poster is rendered coarser."""
SECONDS = 50
"""How long one page may take."""


def is_installed() -> bool:
    """Tell whether pages that are images can be read."""
    return which("tesseract") is not None


def recognized(page: Any) -> list[str] | None:
    """Return a page's paragraphs as tesseract reads it in all its languages, ``None`` if it fails."""
    width, height = page.get_size()
    scale = min(DOTS_PER_INCH / 72, LARGEST_SIDE / max(width, height, 1))
    bitmap = page.render(scale=scale, grayscale=True)
    rows = bytes(bitmap.buffer)
    pixels = b"".join(
        rows[start : start + bitmap.width] for start in range(0, bitmap.stride * bitmap.height, bitmap.stride)
    )
    image = b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + pixels
    bitmap.close()
    text = _tesseract(image, "-", "-", "-l", _languages())
    made_progress()
    return None if text is None else page_paragraphs(text)


def page_paragraphs(text: str) -> list[str]:
    r"""Join lines to paragraphs, words divided at line ends, and paragraphs parted in a sentence.

    >>> page_paragraphs("The har-\nbour and\n\nthe pier.\n\nEnd")
    ['The harbour and the pier.', 'End']
    """
    text = re.sub(r"(?<=[^\W\d_])[-‐]\n(?=[^\W\d_A-ZА-ЯЁ])", "", text)
    found: list[str] = []
    for part in (" ".join(block.split()) for block in re.split(r"\n\s*\n", text)):
        if found and part[:1].islower() and not ends_sentence(found[-1]):
            found[-1] += f" {part}"
        elif part:
            found.append(part)
    return found


@lru_cache(maxsize=1)
def _languages() -> str:
    listed = (_tesseract(b"", "--list-langs") or "").splitlines()
    return "+".join(line for line in listed if re.fullmatch(r"[a-z]{3}(_\w+)?", line) and line != "osd") or "eng"


def _tesseract(image: bytes, *arguments: str) -> str | None:
    # One thread: several builds and questions share the machine, and it is hardly slower.
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    try:
        done = subprocess.run(
            ["tesseract", *arguments], input=image, capture_output=True, timeout=SECONDS, env=environment, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")
