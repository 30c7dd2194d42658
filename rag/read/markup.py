"""HTML that is a document and not a page of a site becomes paragraphs, all of its visible text in order."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rag.read.assemble import HIDDEN, Paragraph, heading
from rag.read.blocks import HEADINGS, page_blocks
from rag.read.encoding import clean
from rag.read.hidden import is_unseen
from rag.read.zipped import local

LONGEST_CELL = 1000
"""Characters; newsletters and old pages lay out their text with tables, whose cells are longer."""
_UNSEEN = (
    *("head", "script", "style", "template", "noscript", "iframe", "object", "svg", "math", "audio", "video"),
    *("select", "textarea", "button", "input", "title"),
)


def paragraphs_of(tree: Any, left_out: Counter[str] | None = None) -> list[Paragraph]:
    """Return the paragraphs of an element tree: headings begin sections, table rows are lines with " | " between cells.

    The words of hidden text are counted in ``left_out``.

    >>> from lxml import html
    >>> tree = html.fromstring("<div><h1>Fares</h1><ul><li>By <b>boat</b></ul><table><tr><td>1<td>2</table></div>")
    >>> [each.text for each in paragraphs_of(tree)]
    ['Fares', '- By boat', '1 | 2']
    """
    from lxml import etree

    for node in tree.iter(etree.Element):
        name = local(node).lower()  # XHTML has a namespace
        if name != node.tag:  # HTML lets names through that nobody may give, as of <td"width=5">
            node.tag = name
    tree.tag = "div"
    unread = (etree.Comment, etree.ProcessingInstruction, etree.Entity, *_UNSEEN)
    etree.strip_elements(tree, *unread, with_tail=False)
    for node in tree.iterdescendants():
        inside = node.getparent().tag == "left-out"
        if inside or is_unseen(node) or node.get("aria-hidden") == "true":
            if left_out is not None and not inside:
                left_out[HIDDEN] += len("".join(node.itertext()).split())
            node.tag = "left-out"
    etree.strip_elements(tree, "left-out", with_tail=False)
    found: list[Paragraph] = []
    for block in page_blocks(tree, LONGEST_CELL, "; "):
        lines = clean(block.text).split("\n")
        if block.node.tag in HEADINGS:
            found += map(heading, lines)
        else:
            found += [Paragraph(line) for line in lines]
            found[-len(lines)].text = "- " * block.begins_item + lines[0]
    return found
