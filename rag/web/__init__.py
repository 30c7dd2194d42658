"""What the page is made of that is not gradio: safe markup, plain data for its scripts, the guard in front of it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

FOLDER = Path(str(files(__name__)))
"""Where the page's own files lie: style, scripts, icon and fonts."""


def asset(*names: str) -> str:
    """Return the text of one or several of the page's own files, one after the other."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)
