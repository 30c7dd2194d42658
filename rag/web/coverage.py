"""Draw what the articles cover. Over time by outlet, and the passages as a map with the last answer's evidence.

Both are charts in Vega-Lite, which gradio's plot draws in the browser; the colours are the style sheet's variables.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import date, timedelta
from html import escape
from math import ceil, inf
from typing import TYPE_CHECKING, Any, NamedTuple

from rag.export.conversation import Conversation
from rag.export.paragraphs import byline
from rag.text.one_line import shortened
from rag.types import Answer, Header
from rag.web.language import phrase, speaking, spoken, told
from rag.web.opening import Opening, what_went_wrong
from rag.web.rooms import Visitor
from rag.web.stream import aside

if TYPE_CHECKING:
    from rag.chatbot import Chatbot
    from rag.index.map import PassageMap, Point

COLOURS = 6
"""Outlets with a colour of their own; the others share a grey."""
MOST_PERIODS = 120
_UNITS = {"day": (10, 31, 1), "week": (10, 183, 7), "month": (7, 1096, 28), "year": (4, date.max.toordinal(), 365)}
"""Of each: the characters a date needs to be counted by it, how many days most dates may span, its shortest in days."""
MOST = 0.9
"""The share of the dates that the axis must have room for; what lies further away than these span is put together."""
MAX_TITLE = 200
MAX_BEGINNING = 90
_TEXT = {"Color": "var(--faded)", "Font": "Source Sans 3", "FontSize": 14}
_DATE = re.compile(r"(?!0000)[0-9]{4}(?:-[0-9]{2}){0,2}")

Data = dict[str, Any]


class Coverage(NamedTuple):
    """What the tab shows: ``about`` as markup, two charts as JSON, and the same as ``tables``, which are markup too."""

    about: str
    times: str
    passages: str
    tables: str


def coverage(chatbot: Chatbot, conversation: Conversation) -> Coverage:
    """Return what the articles cover, in the language that is being spoken. Raises FootnoteError."""
    headers, made = chatbot.documents(), chatbot.map()
    outlets = [name for name, _ in Counter(each.outlet for each in headers).most_common() if name][:COLOURS]
    named = {number: shortened(name, MAX_TITLE) for number, name in enumerate(outlets)}
    if any(each.outlet not in outlets for each in headers):
        named[COLOURS] = phrase("Other or no outlet")
    answer = next((turn.answer for turn in reversed(conversation) if turn.answer), None)
    rows = _rows(made, chatbot.titles(), outlets, answer)
    periods, counts = _times(headers, outlets)
    times = _time_chart(named, periods, counts)
    tables = _passages(rows) + _dates(named, periods, counts) if rows else ""
    return Coverage(_about(headers, named, answer), times, _map_chart(made, rows), tables)


async def covered(
    opening: Opening, visitor: Visitor, conversation: Conversation
) -> AsyncGenerator[tuple[str, Coverage | None], None]:
    """Draw what the articles cover, once they can be asked. Of the conversation only the last answer's evidence."""
    yield _heading("The articles are still being read…", visitor), None
    await opening.opened()
    yield _heading("The map is being drawn…", visitor), None
    try:
        with speaking(visitor.language):
            drawn = await aside(coverage, opening.ready(), conversation)
        empty = "" if drawn.tables else "There are no passages yet: the folder of articles is empty."
        yield _heading(empty, visitor) + drawn.about, drawn
    except Exception as error:  # the reader must be told, whatever it was
        yield _heading(what_went_wrong(error, "drawing the coverage"), visitor), None


def _heading(text: str, visitor: Visitor) -> str:
    """Return the tab's heading, and what is said under it."""
    title, said = phrase("Coverage", visitor.language), escape(told(text, visitor.language))
    return f'<h2 class="pane-title">{title}</h2><p class="pane-about" role="status">{said}</p>'


def _about(headers: list[Header], named: dict[int, str], answer: Answer | None) -> str:
    """Say how much there is, since when, and what the colours and marks mean."""
    dates = sorted(each.published for each in headers if _DATE.match(each.published))
    undated = len(headers) - len(dates)
    said = [phrase("{count} article|{count} articles", count=len(headers))]
    if dates:
        said.append(phrase("{first} to {last}", first=spoken(dates[0]), last=spoken(dates[-1])))
    if undated and dates:
        said.append(phrase("{count} without a date|{count} without a date", count=undated))
    keys = "".join(
        f'<li><span class="swatch" style="background: var(--map-{number + 1})"></span>{escape(name)}</li>'
        for number, name in named.items()
    )
    evidence = ""
    if answer is not None and answer.hits:
        found, cited = phrase("found"), phrase("cited")
        marks = f'<span class="ringed"></span>{found} <span class="ringed cited"></span>{cited}'
        evidence = f'<p class="coverage-question">{escape(answer.question)} {marks}</p>'
    line = escape(" · ".join(said))
    return f'<p class="pane-about">{line}</p>{evidence}<ul class="coverage-key">{keys}</ul>'


def _rows(made: PassageMap, titles: dict[str, str], outlets: list[str], answer: Answer | None) -> list[Data]:
    """Return the passages: cited ones by the number of their footnote, the others that were found by rank, the rest."""
    hits = answer.hits if answer is not None else ()
    rank = {part: place for place, hit in reversed(list(enumerate(hits, 1))) for part in hit.passage.id.split("+")}
    citations = answer.citations if answer is not None else ()
    numbers = {part: each.number for each in citations for part in each.hit.passage.id.split("+")}
    labels = [" · ".join(each.words) for each in made.topics]

    def row(point: Point) -> Data:
        header, passage = point.header, point.passage
        place, number = rank.get(passage.id, 0), numbers.get(passage.id, 0)
        standing = f"{phrase('cited')} {number}" if number else phrase("found") if place else ""
        return {
            "article": header.id,
            "title": shortened(header.title or titles.get(header.id, "") or header.id, MAX_TITLE),
            "byline": byline(header),
            "language": header.language,
            "text": shortened(passage.text, MAX_BEGINNING),
            "start": passage.start,
            "end": passage.end,
            "x": round(point.x, 4),
            "y": round(point.y, 4),
            "outlet": outlets.index(header.outlet) if header.outlet in outlets else COLOURS,
            "topic": point.topic % COLOURS,
            "words": labels[point.topic],
            "rank": place,
            "number": number,
            "standing": standing,
        }

    return sorted(map(row, made.points_with(rank)), key=lambda each: (each["number"] or inf, each["rank"] or inf))


def _passages(rows: list[Data]) -> str:
    """Write the passages as a table. A button opens each in its article, whose name stands above its first one."""
    asked = bool(rows[0]["rank"])
    cells, above = [], ""
    for row in rows:
        language = f'lang="{escape(row["language"])}"'
        place = " ".join(f'data-{name}="{escape(str(row[name]))}"' for name in ("article", "start", "end"))
        title = f'<strong class="card-name" {language}>{escape(row["title"])}</strong>{_byline(row["byline"])}'
        button = f'<button type="button" class="coverage-open" {language} {place}>{escape(row["text"])}</button>'
        passage = title * (row["article"] != above) + button + _byline(row["words"])
        cells.append([passage, escape(row["standing"]) or "–"] if asked else [passage])
        above = row["article"]
    heads = [phrase("Passage"), phrase("In the answer")][: len(cells[0])]
    about = phrase("The passages on the map, those of the answer first")
    return _table("coverage-passages", phrase("Passages"), about, heads, cells)


def _dates(named: dict[int, str], periods: list[str], counts: Counter[tuple[str, int]]) -> str:
    """Write the articles of each outlet by date as a table."""
    found = [(period, [counts[period, number] for number in named]) for period in periods]
    cells = [[period, *map(str, each)] for period, each in found if any(each)]
    about = phrase("How many articles each outlet published")
    return _table("coverage-dates", phrase("Articles by date"), about, [phrase("Date"), *named.values()], cells)


def _byline(text: str) -> str:
    return f'<p class="byline">{escape(text)}</p>'


def _table(kind: str, title: str, about: str, heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table under its heading. What stands in ``rows`` is markup."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    whole = f'<caption class="spoken">{about}</caption><thead><tr>{head}</tr></thead><tbody>{lines}</tbody>'
    return f'<h3 class="coverage-heading">{title}</h3><table class="coverage-table {kind}">{whole}</table>'


def _times(headers: list[Header], outlets: list[str]) -> tuple[list[str], Counter[tuple[str, int]]]:
    """Count each outlet's articles by day, week, month or year. The few far from all others share a period at either end."""
    found = [(_DATE.match(each.published), each.outlet) for each in headers]
    dated = [(each[0], outlets.index(name) if name in outlets else COLOURS) for each, name in found if each]
    if not dated:
        return [], Counter()
    days = sorted(_day(published) for published, _ in dated)
    most = ceil(MOST * len(days))
    begin, end = min(zip(days, days[most - 1 :], strict=False), key=lambda each: each[1] - each[0])
    length = min(len(published) for published, _ in dated)
    fits = (unit for unit, (least, span, _) in _UNITS.items() if length >= least and (end - begin).days < span)
    unit = next(fits)
    _, reach, step = _UNITS[unit]
    near = [day for day in days if (begin - day).days <= reach and (day - end).days <= reach]
    every = [near[0] + timedelta(count) for count in range(0, (near[-1] - near[0]).days, step)] + [near[-1]]
    earlier, later = [phrase("earlier")] * (days[0] < near[0]), [phrase("later")] * (near[-1] < days[-1])
    periods = [*earlier, *dict.fromkeys(_period(day, unit) for day in every), *later]

    def period(day: date) -> str:
        return periods[0] if day < near[0] else periods[-1] if day > near[-1] else _period(day, unit)

    counts = Counter((period(_day(published)), outlet) for published, outlet in dated)
    counted = {period for period, _ in counts}
    return (periods if len(periods) <= MOST_PERIODS else [each for each in periods if each in counted]), counts


def _day(published: str) -> date:
    """Return the first day of a date.

    >>> _day("2031-03"), _day("2031-02-30")
    (datetime.date(2031, 3, 1), datetime.date(2031, 1, 1))
    """
    try:
        return date.fromisoformat(f"{published}-01-01"[:10])
    except ValueError:
        return date(int(published[:4]), 1, 1)


def _period(day: date, unit: str) -> str:
    """Return what a day is counted by.

    >>> [_period(date(2031, 3, 5), unit) for unit in ("day", "week", "month", "year")]
    ['2031-03-05', 'week of 2031-03-03', '2031-03', '2031']
    """
    if unit == "week":
        return phrase("week of {day}", day=day - timedelta(day.weekday()))
    return day.isoformat()[: {"day": 10, "month": 7}.get(unit, 4)]


def _chart(chart: Data) -> str:
    """Write a chart as JSON. As wide as its place, as SVG, so that the style sheet's colours reach it."""
    text = {f"{part}{each}": value for part in ("label", "title") for each, value in _TEXT.items()}
    lines = {f"{part}Color": "var(--rule)" for part in ("grid", "domain", "tick")}
    whole = {
        "width": "container",
        "autosize": {"type": "fit-x", "contains": "padding"},
        "background": None,
        "padding": 2,
        "config": {
            "view": {"stroke": None},
            "axis": {**text, **lines, "titleFontWeight": 400, "aria": False},
            "mark": {"aria": False},
        },
        "usermeta": {"embedOptions": {"renderer": "svg", "actions": False, "tooltip": {"disableDefaultStyle": True}}},
    }
    return json.dumps({**whole, **chart}, ensure_ascii=False)


def _colour(field: str) -> Data:
    scale = {"domain": list(range(COLOURS + 1)), "range": [f"var(--map-{each + 1})" for each in range(COLOURS + 1)]}
    return {"field": field, "type": "nominal", "scale": scale, "legend": None}


def _tooltip(**titles: str) -> list[Data]:
    return [{"field": field, "title": title} for field, title in titles.items()]


def _time_chart(named: dict[int, str], periods: list[str], counts: Counter[tuple[str, int]]) -> str:
    values = [
        {"period": period, "outlet": named[number], "colour": number, "count": count}
        for (period, number), count in sorted(counts.items())
    ]
    most = max((sum(counts[period, number] for number in named) for period in periods), default=1)
    ticks = {"tickCount": min(4, most)}
    axis = {"title": None, "labelAngle": 0, "labelOverlap": True, "ticks": False}
    return _chart(
        {
            "height": 150,
            "description": phrase("Articles by date"),
            "data": {"values": values},
            "mark": {"type": "bar", "cursor": "default"},
            "encoding": {
                "x": {"field": "period", "type": "ordinal", "scale": {"domain": periods}, "axis": axis},
                "y": {"field": "count", "type": "quantitative", "title": phrase("Articles"), "axis": ticks},
                "color": _colour("colour"),
                "order": {"field": "colour"},
                "tooltip": _tooltip(period=phrase("Date"), outlet=phrase("Outlet"), count=phrase("Articles")),
            },
        }
    )


def _map_chart(made: PassageMap, rows: list[Data]) -> str:
    """Draw the map of passages. Evidence is ringed, what is cited numbered, the rest faint, the topics' words above all."""
    places = {
        axis: {"field": axis, "type": "quantitative", "scale": {"domain": [-0.04, 1.04]}, "axis": None} for axis in "xy"
    }
    tooltip = _tooltip(title=phrase("Article"), byline=phrase("Published"), text=phrase("Passage"))
    standing = [*_tooltip(standing=phrase("In the answer")), *tooltip]
    point = {"type": "point", "filled": True, "cursor": "pointer"}
    side = "datum.x < 0.2 ? 'left' : datum.x > 0.8 ? 'right' : 'center'"
    words = {"font": "Source Serif 4", "fontSize": {"expr": "width < 500 ? 12 : 14"}, "fontWeight": 600}
    topics = [{"x": each.x, "y": each.y, "words": " · ".join(each.words)} for each in made.topics]
    choice: Data = {"input": "select", "options": ["outlet", "topic"], "labels": [phrase("Outlet"), phrase("Topic")]}
    choice["name"] = phrase("Colour by")
    known = sum(row["outlet"] < COLOURS for row in rows)
    number = {"type": "text", "font": "Source Sans 3", "fontSize": 13, "fontWeight": 700}
    cited = {"condition": {"test": "datum.number", "value": "var(--yellow)"}, "value": "var(--sheet)"}
    size = max(30, min(110, 20_000 // (len(rows) or 1)))
    drawn: list[Data] = [
        {
            "transform": [{"filter": "!datum.rank"}],
            "mark": {**point, "size": size, "opacity": 0.6},
            "encoding": {"color": _colour("colour"), "tooltip": tooltip},
        },
        {
            "data": {"values": topics},
            "mark": {"type": "text", **words, "color": "var(--ink)", "align": {"expr": side}},
            "encoding": {"text": {"field": "words"}},
        },
        {
            "transform": [{"filter": "datum.rank"}],
            "mark": {**point, "size": 330, "opacity": 1, "stroke": "var(--ink)", "strokeWidth": 2},
            "encoding": {"color": cited, "tooltip": standing},
        },
        {
            "transform": [{"filter": "datum.number"}],
            "mark": {**number, "color": "var(--on-yellow)", "cursor": "pointer"},
            "encoding": {"text": {"field": "number"}, "tooltip": standing},
        },
    ]
    return _chart(
        {
            "height": 460,
            "description": phrase("Map of the passages"),
            "params": [{"name": "by", "value": "outlet" if 2 * known > len(rows) else "topic", "bind": choice}],
            "data": {"values": rows},
            "transform": [{"calculate": "datum[by]", "as": "colour"}],
            "encoding": places,
            "layer": drawn,
        }
    )
