"""Text that the attributes of a web page's element keep from being seen."""

from __future__ import annotations

import re
from typing import Any

_NAMED = {"white": "#ffffff", "black": "#000000"}
_NO_SIZE = re.compile(r"(?:0+(?:\.0*)?|\.0+)(?:[a-z]+|%)?|(?:0?\.\d+|1(?:\.0*)?)p[xt]")
_AWAY = {"left": 3, "right": 3, "top": 3, "bottom": 3, "text-indent": 3, "margin-left": 4, "margin-top": 4}
"""Properties that can move text off the screen, and the least digits of a negative number that do."""


def is_unseen(node: Any) -> bool:
    """Say whether an element's own attributes hide it, whatever style sheets say.

    >>> from lxml.html import fragment_fromstring
    >>> [is_unseen(fragment_fromstring(f"<p style='{style}'>x</p>")) for style in ("opacity: 0", "color: red", "top: -9999px")]
    [True, False, True]
    """
    if node.get("hidden") is not None:
        return True
    rules = _rules(node)
    return bool(rules) and (
        rules.get("display", "").startswith("none")
        or rules.get("visibility", "").startswith(("hidden", "collapse"))
        or _NO_SIZE.fullmatch(rules.get("font-size", "")) is not None
        or re.fullmatch(r"[0.]+%?", rules.get("opacity", "1")) is not None
        or any(re.match(rf"-\d{{{digits},}}", rules.get(name, "")) for name, digits in _AWAY.items())
        or ("color" in rules and _colour(rules["color"]) in ("transparent", _ground(node)))
    )


def _rules(node: Any) -> dict[str, str]:
    parts = (rule.partition(":") for rule in (node.get("style") or "").split(";"))
    return {
        name.strip().lower(): value.lower().removesuffix("!important").strip()
        for name, _, value in parts
        if value.strip()
    }


def _ground(node: Any) -> str:
    """Return the colour behind an element, empty where inline styles do not tell: a class may set another."""
    for each in (node, *node.iterancestors()):
        rules = _rules(each)
        ground = rules.get("background-color") or rules.get("background") or each.get("bgcolor") or ""
        if ground:
            return _colour(ground)
        if each.get("class") or each.get("id"):
            return ""
    return ""


def _colour(written: str) -> str:
    """Return a colour in one form of the several that it has.

    >>> [_colour(each) for each in ("White", "#FFF", "rgb(255, 255, 255)", "rgba(0, 0, 0, 0)", "#fff url(a.png)")]
    ['#ffffff', '#ffffff', '#ffffff', 'transparent', '#ffffff']
    """
    colour = re.sub(r" (?=[(),])|(?<=[(),]) ", "", " ".join(written.lower().split())).partition(" ")[0]
    if match := re.fullmatch(r"rgba?\((\d{1,3}),(\d{1,3}),(\d{1,3})(,[0.]+%?)?\)", colour):
        return "transparent" if match[4] else "#" + "".join(f"{int(part):02x}" for part in match.groups()[:3])
    if re.fullmatch("#[0-9a-f]{3}", colour):
        return "#" + "".join(2 * digit for digit in colour[1:])
    return _NAMED.get(colour, colour)
