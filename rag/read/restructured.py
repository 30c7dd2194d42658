"""reStructuredText is made HTML by docutils, without reading any other file; that is read like a page."""

from __future__ import annotations

from typing import Any

from rag.read.assemble import assemble
from rag.read.encoding import decode
from rag.read.markup import paragraphs_of
from rag.types import Document, Header

_SETTINGS = {
    "_disable_config": True,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "report_level": 3,
    "halt_level": 5,
    "warning_stream": False,
    "embed_stylesheet": False,
    "stylesheet_path": None,
    "input_encoding": "unicode",
    "docinfo_xform": False,
    "sectsubtitle_xform": False,
    "doctitle_xform": False,
    "syntax_highlight": "none",
    "math_output": "LaTeX",
}


def read_rst(id: str, data: bytes) -> Document:
    """Text and headings of an .rst. Roles of Sphinx are read as text, its directives stand as they were written."""
    from docutils.core import publish_parts
    from docutils.parsers.rst import roles
    from lxml import html

    known = roles.role  # a lookup that is open to a program
    roles.role = lambda name, *rest: (known(name, *rest)[0] or _as_text, [])
    try:
        parts = publish_parts(decode(data), writer="html5", settings_overrides=_SETTINGS)
    finally:
        roles.role = known
    tree = html.fragment_fromstring(parts["body"], create_parent="div")
    # What docutils does not know stands in its message as it was written; the rest of the message is not the author's.
    for message in tree.xpath("//*[contains(@class, 'system-message')]/*[not(self::pre)]"):
        message.drop_tree()
    paragraphs = [each for each in paragraphs_of(tree) if each.text]
    title = paragraphs[0].text[:200] if paragraphs and paragraphs[0].places else ""
    return assemble(paragraphs, Header(id, title=title))


def _as_text(_name: str, _raw: str, text: str, *_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
    from docutils import nodes

    return [nodes.Text(text.partition(" <")[0] if text.endswith(">") else text)], []
