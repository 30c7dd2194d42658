"""Show an article as a plain page; the address's ``#c=START-END`` marks a span of its text."""

from __future__ import annotations

from html import escape

from rag.doors.openai_shape import source_url
from rag.types import Document

# Offsets count characters of the text; JavaScript counts UTF-16 units, so the text is spread into characters first.
_SCRIPT = """
const place = document.querySelector("#text");
const letters = [...place.textContent];
function mark() {
  const span = /^#c=(\\d{1,9})-(\\d{1,9})$/.exec(location.hash);
  const [start, end] = span ? [Number(span[1]), Number(span[2])] : [0, 0];
  if (!(start < end && end <= letters.length)) return place.replaceChildren(letters.join(""));
  const quote = document.createElement("mark");
  quote.textContent = letters.slice(start, end).join("");
  place.replaceChildren(letters.slice(0, start).join(""), quote, letters.slice(end).join(""));
  quote.tabIndex = -1;
  quote.focus({ preventScroll: true });
  quote.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", mark);
mark();
"""
_STYLE = """
:root { color-scheme: light dark; }
body { max-width: 42rem; margin: 2rem auto; padding: 0 1rem; font: 1.1rem/1.6 Georgia, serif; }
#text { white-space: pre-wrap; overflow-wrap: anywhere; }
mark { background: #ffe58a; color: #24211c; outline: none; }
"""


def article_page(document: Document) -> str:
    """Write the page of an article; every word of it is escaped.

    >>> page = article_page(Document(id="a.md", title="1 < 2", text="<b>Yes</b>"))
    >>> "<h1>1 &lt; 2</h1>" in page, "&lt;b&gt;Yes&lt;/b&gt;" in page
    (True, True)
    """
    title = escape(document.title or document.id)
    facts = [document.outlet, ", ".join(document.authors), document.as_of()]
    byline = escape(" · ".join(each for each in facts if each))
    url = escape(source_url(document.source))
    source = f' · <a href="{url}" rel="noopener noreferrer">{url}</a>' if url else ""
    language = f' lang="{escape(document.language)}"' if document.language else ""
    text = escape(document.text).replace("\r", "&#13;")  # else the browser makes a line feed of it
    return (
        f'<!doctype html>\n<html{language}>\n<head><meta charset="utf-8"><title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style></head>\n"
        f'<body><main><h1>{title}</h1>\n<p>{byline}{source}</p>\n<div id="text">{text}</div></main>\n'
        f"<script>{_SCRIPT}</script></body></html>\n"
    )
