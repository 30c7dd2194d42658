"""What a reader does on the page, in one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def ask(page: Any, question: str, wait: bool = True) -> Any:
    """Asks by keyboard and mouse as a reader does; returns the new answer's element."""
    number = page.locator("#chat .answer").count()
    page.get_by_role("textbox", name="Your question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    answer = page.locator("#chat .answer").nth(number)
    answer.wait_for()
    if wait:
        answer.locator(".sources-link").wait_for()
    return answer


def beat(page: Any) -> None:
    """Waits until the page has asked the server for the index once more and heard of it."""
    page.evaluate(
        """() => new Promise((heard) => {
            addEventListener("footnote:index", () => setTimeout(heard), { once: true });
            footnote.hurry();
        })"""
    )


def wait_until(page: Any, condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for something on our side; the browser goes on meanwhile."""
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        page.wait_for_timeout(50)
    assert condition()


def fits(page: Any) -> None:
    """Waits until the page is no wider than the screen."""
    page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")


def press(page: Any, name: str, turn: int | None = None) -> None:
    """Presses a tool under an answer, the last one where no turn is given, in its menu where it stands in one."""
    selector = f"#act-{turn}-{name}" if turn else f".act[id$='-{name}']"
    tool = page.locator(selector).last
    tool.wait_for(state="attached")
    if not tool.is_visible():
        page.locator("#chat details.menu", has=page.locator(selector)).last.locator("summary").click()
    tool.click()


def pick(page: Any, label: str, choice: str) -> None:
    """Takes one of the choices of a field of Settings."""
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=choice).last.click()  # another field's list may still be closing


def to_settings(page: Any, way: Any) -> Any:
    """Opens Settings by a press and waits until the models were looked for: the fields are filled anew then."""
    page.evaluate(
        """() => {
            const keep = footnote.keepChoice;
            window.looked = false;
            footnote.keepChoice = (choice) => { keep(choice); looked = true; };
        }"""
    )
    way.click()
    page.wait_for_function("looked")
    return page.locator("#model-said .said")


def chosen_model(page: Any) -> Any:
    """The field that says who writes the answers."""
    return page.get_by_role("combobox", name="Who writes the answers")
