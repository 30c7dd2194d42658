"""A real Chromium before the page; every page that is visited must stay silent in its console and call nobody outside."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from double import EXAMPLES, Opener, ServicesDouble
from rag.settings import Settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

SECONDS = 45
"""How long a test waits for the page at most."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the browser; gradio's own warnings are not ours to mend."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.filterwarnings("ignore::Warning:gradio"))


def unavailable(reason: str) -> None:
    """Without a browser these tests cannot run: that may be so on a desk, never where every test must run."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser, started once."""
    if CHROMIUM is None:
        unavailable("there is no Chromium; install it with: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("there is no playwright; install it with: pip install playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def serve_page(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Serves a page for any opener, the double's or the real chatbot's, and returns its address; each keeps its own data.

    They end with the file of tests, and look for work less often than gradio has it: dozens that wait would cost a core.
    """
    pytest.importorskip("gradio")
    import ui

    pages: list[Any] = []

    def serve(
        open_chatbot: Callable[..., Any],
        settings: Settings | None = None,
        examples: tuple[str, ...] = EXAMPLES,
        services: Any = None,
    ) -> str:
        settings = settings or Settings()
        if settings.data == Settings().data:
            settings = settings.replace(data=tmp_path_factory.mktemp("data"))
        page = ui.build_page(open_chatbot, settings, lambda _: examples, services or ServicesDouble())
        page._queue.sleep_when_free, page._queue.progress_update_sleep_when_free = 0.02, 0.1
        pages.append(page)
        return ui.serve(page, "127.0.0.1", free_port())

    yield serve
    for page in pages:
        page.close(verbose=False)


@pytest.fixture(scope="module")
def shared(serve_page: Callable[..., str]) -> tuple[str, Opener]:
    """One page with a ready double, shared by the tests that leave it as it was."""
    opener = Opener()
    opener.ready.set()
    return serve_page(opener), opener


@pytest.fixture
def double(shared: tuple[str, Opener]) -> Iterator[Any]:
    """The shared page's chatbot, as new."""
    chatbot = shared[1].chatbot
    chatbot.asked.clear()
    chatbot.closed.clear()
    chatbot.models.clear()
    chatbot.ignored.clear()
    chatbot.scopes.clear()
    chatbot.loose.clear()
    yield chatbot
    chatbot.fail = chatbot.writing = None
    chatbot.gate.set()
    chatbot.loose.set()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Opens an address in a fresh browser profile; afterwards no error may have been logged, nothing outside asked."""
    contexts: list[Any] = []
    troubles: list[str] = []

    def open_page(
        url: str,
        width: int = 1440,
        height: int = 900,
        wait_for: str = "Your question",
        heading: str = "",
        script: str = "",
        **options: Any,
    ) -> Any:
        options = {"viewport": {"width": width, "height": height}, "reduced_motion": "reduce", **options}
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SECONDS * 1000)
        home = urlsplit(url).netloc

        def check(request: Any) -> None:
            if request.url.startswith("http") and urlsplit(request.url).netloc != home:
                troubles.append(f"request to {request.url}")

        page.on("request", check)
        page.add_init_script(script)
        page.on("pageerror", lambda error: troubles.append(f"page error: {error}"))

        def listen(message: Any) -> None:
            if message.type == "error":
                troubles.append(f"console: {message.text}")

        page.on("console", listen)
        page.goto(url)
        waited = page.get_by_role("heading", name=heading) if heading else page.get_by_role("textbox", name=wait_for)
        waited.wait_for()
        if wait_for != "Username":  # what is drawn is not yet what listens
            page.wait_for_function("Boolean(window.footnote?.index && footnote.citations && footnote.toQuestion)")
        return page

    yield open_page
    found = list(troubles)  # closing a page may break off what it was still listening to
    for context in contexts:
        context.close()
    assert found == []


@pytest.fixture
def page(visit: Callable[..., Any], shared: tuple[str, Opener], double: Any) -> Any:
    """The shared page on a desk-sized screen."""
    return visit(shared[0])


@pytest.fixture(scope="session")
def expect(chromium: Any) -> Any:
    """Playwright's assertions, with the patience that a busy machine needs; without a browser there is nothing to expect."""
    from playwright.sync_api import expect

    expect.set_options(timeout=SECONDS * 1000)
    return expect


@pytest.fixture(scope="session")
def check_accessibility() -> Callable[[Any], None]:
    """Fails where axe-core, which checks accessibility by rules, finds anything in a page as it stands."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        unavailable("there is no axe-core; install it with: pip install axe-playwright-python")
    axe = Axe()

    def check(page: Any) -> None:
        found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found] == []

    return check


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """A second server next door, where every call that a text provokes would arrive."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(1000))

        threading.Thread(target=listen, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}", heard
        server.shutdown(socket.SHUT_RDWR)
