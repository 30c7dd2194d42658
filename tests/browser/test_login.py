"""The login in a real browser, below a path as a proxy would show it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from double import EXAMPLES, Opener
from rag.errors import Busy
from rag.settings import Settings
from rag.web.accounts import Accounts, PasswordHash, write_accounts
from rag.web.security import Address

PASSWORD = "test-key four words"


@pytest.fixture
def url(tmp_path: Path, serve_page: Callable[..., str]) -> str:
    path = tmp_path / "accounts.txt"
    write_accounts(path, {"maren": PasswordHash.of(PASSWORD, 16, 8, 1)})
    settings = Settings(accounts=str(path), root_path="/news", data=tmp_path / "data")
    opener = Opener()
    opener.ready.set()
    return serve_page(opener, settings, address=Address.of(settings), accounts=Accounts(path)) + "news/"


def test_who_logs_in_can_ask_and_who_logs_out_cannot(url: str, visit: Callable[..., Any], expect: Any) -> None:
    page = visit(url, wait_for="Username")
    expect(page.get_by_text("a name has to wait")).to_be_visible()
    expect(page.get_by_role("textbox", name="Your question")).to_have_count(0)
    page.get_by_role("textbox", name="Username").fill("maren")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Login").click()
    box = page.get_by_role("textbox", name="Your question")
    box.fill(EXAMPLES[0])
    box.press("Enter")
    expect(page.get_by_test_id("bot").last).to_contain_text("61 million crowns")
    fonts = page.evaluate("async () => (await document.fonts.load('16px \"Source Sans 3\"')).map(font => font.status)")
    assert fonts
    assert set(fonts) == {"loaded"}
    cookies = page.context.cookies(url)
    assert cookies
    assert {(each["httpOnly"], each["sameSite"], each["path"]) for each in cookies} == {(True, "Lax", "/news")}
    assert page.evaluate("document.cookie") == ""
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
    assert page.request.get(f"{url}config").status == 200
    page.get_by_role("tab", name="Settings").click()
    expect(page.get_by_text("You are logged in as maren")).to_be_visible()
    page.locator("#model-unready summary").wait_for()  # nothing is asked of the server any more
    page.get_by_role("link", name="Log out in every browser").click()
    expect(page.get_by_role("textbox", name="Username")).to_be_visible()
    assert page.request.get(f"{url}config").status == 401
    assert "auth_required" in page.request.get(url).text()


def test_a_login_that_is_turned_away_says_why(url: str, chromium: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def login(*_: Any) -> bool:
        raise Busy("too much of yours is waiting here already; try again in a moment")

    monkeypatch.setattr(Accounts, "login", login)
    page = (
        chromium.new_context().new_page()
    )  # without ``visit``, which takes the browser's own note of a 503 for a fault
    page.goto(url)
    page.get_by_role("textbox", name="Username").fill("maren")
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_event("dialog") as said:
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Login").click()
    page.context.close()
    assert said.value.message == "Too much of yours is waiting here already; try again in a moment"
