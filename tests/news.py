"""A small folder of invented articles."""

from __future__ import annotations

from pathlib import Path

ARTICLES = {
    "harbour.md": """---
title: "Harbour town votes for a tram"
outlet: "Harbour Courier"
authors: ["Mirela Anders"]
published: "2031-03-04"
language: en
---
The council of Port Velm voted 31 to 12 on Tuesday to build a tram line. The line will be 14 kilometres long and will link
the old docks with the university.

Mayor Ilse Kramer said that the work would begin in September. The project will cost 1.9 billion crowns, she said.
""",
    "plant.txt": """Battery plant opens near Osk

11 March 2031

The tram maker Velotek opened a battery plant near the town of Osk. It employs 620 people.

Farmers protested because the plant takes its water from Lake Verrin. "We were never asked," said the farmer Jon Brask.
""",
    "ru/ozero.txt": """Озеро Веррин обмелело

19 февраля 2031

Уровень воды в озере Веррин упал до рекордно низкой отметки. Жители требуют закрыть завод.
""",
}


def write_articles(folder: Path, articles: dict[str, str]) -> Path:
    """Writes articles by name into a folder, which is made."""
    for name, text in articles.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder
