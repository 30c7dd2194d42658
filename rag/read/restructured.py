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
    """Text and headings of an .rst. What Sphinx adds to the language is read as text."""
    from docutils.core import publish_parts
    from docutils.parsers.rst import directives, roles
    from lxml import html

    # Lookups of docutils that are open to a program: without this, what they do not know is left out.
    known, original = directives.directive, roles.role
    directives.directive = lambda name, *rest: (known(name, *rest)[0] or _any_directive(), [])
    roles.role = lambda name, *rest: (original(name, *rest)[0] or _as_text, [])
    try:
        parts = publish_parts(decode(data), writer="html5", settings_overrides=_SETTINGS)
    finally:
        directives.directive, roles.role = known, original
    tree = html.fragment_fromstring(parts["body"], create_parent="div")
    # A directive that is wrong stands in its message as it was written; the rest of the message is not the author's.
    for message in tree.xpath("//*[contains(@class, 'system-message')]/*[not(self::pre)]"):
        message.drop_tree()
    paragraphs = [each for each in paragraphs_of(tree) if each.text]
    title = paragraphs[0].text[:200] if paragraphs and paragraphs[0].places else ""
    return assemble(paragraphs, Header(id, title=title))


def _as_text(_name: str, _raw: str, text: str, *_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
    from docutils import nodes

    return [nodes.Text(text.partition(" <")[0] if text.endswith(">") else text)], []


def _any_directive() -> Any:
    """Return a directive of whatever name, of which the arguments and the content are read."""
    from docutils import nodes
    from docutils.parsers.rst import Directive

    class AnyDirective(Directive):  # type: ignore[misc]  # docutils has no types
        optional_arguments = 1
        final_argument_whitespace = True
        has_content = True
        option_spec = _AnyOption()

        def run(self) -> list[Any]:
            holder = nodes.container()
            if self.arguments:
                inline, _ = self.state.inline_text(self.arguments[0], self.lineno)
                holder += nodes.paragraph("", "", *inline)
            self.state.nested_parse(self.content, self.content_offset, holder)
            return [holder]

    return AnyDirective


class _AnyOption(dict[str, Any]):
    """Takes every option."""

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, name: str) -> Any:
        return lambda argument: argument
