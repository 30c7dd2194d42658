"""A real Chromium before the page; every page that is visited must stay silent in its console and call nobody outside."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections import Counter, defaultdict
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


@pytest.fixture(scope="session")
def serving(
    chromium: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Iterator[Callable[..., str]]]]:
    """Makes the fixtures below, which serve a page for any opener and return its address; each keeps its own data.

    The lowest free port is taken, so that the browser knows gradio's scripts from the last page that was served there.
    """
    App = pytest.importorskip("gradio.routes").App  # noqa: N806
    import ui

    create = App.create_app

    def create_served(blocks: Any, **how: Any) -> Any:
        """Makes the last of the four applications that gradio makes of a page, the only one that is used."""
        return create(blocks, **how) if "app_kwargs" in how else None

    first = 17000 + 100 * (os.getpid() % 100)  # another process of tests has others

    def serving() -> Iterator[Callable[..., str]]:
        pages: list[Any] = []

        def serve(
            open_chatbot: Callable[..., Any],
            settings: Settings | None = None,
            examples: tuple[str, ...] = EXAMPLES,
            services: Any = None,
            **how: Any,
        ) -> str:
            settings = settings or Settings()
            if settings.data == Settings().data:
                settings = settings.replace(data=tmp_path_factory.mktemp("data"))
            page = ui.build_page(open_chatbot, settings, lambda _: examples, services or ServicesDouble())
            # Looks for work less often than gradio has it: several that wait would cost a core.
            page._queue.sleep_when_free, page._queue.progress_update_sleep_when_free = 0.02, 0.1
            pages.append(page)
            return ui.serve(page, "127.0.0.1", ui.free_port("127.0.0.1", first), **how)

        yield serve
        for page in pages:
            page.close(verbose=False)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(App, "create_app", staticmethod(create_served))
        yield serving


@pytest.fixture(scope="module")
def serve_module(serving: Callable[[], Iterator[Callable[..., str]]]) -> Iterator[Callable[..., str]]:
    """Serves pages until the end of a file of tests."""
    yield from serving()


@pytest.fixture
def serve_page(serving: Callable[[], Iterator[Callable[..., str]]]) -> Iterator[Callable[..., str]]:
    """Serves pages until the end of a test."""
    yield from serving()


@pytest.fixture(scope="module")
def shared(serve_module: Callable[..., str]) -> tuple[str, Opener]:
    """One page with a ready double, shared by the tests that leave it as it was."""
    opener = Opener()
    opener.ready.set()
    return serve_module(opener), opener


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


@pytest.fixture(scope="session")
def profiles(chromium: Any) -> dict[str, list[Any]]:
    """The browser's profiles by their options: to load gradio's scripts anew for each test would take half of its time."""
    return defaultdict(list)


@pytest.fixture
def visit(chromium: Any, profiles: dict[str, list[Any]], serve_page: Any) -> Iterator[Callable[..., Any]]:
    """Opens an address in a profile without cookies; afterwards no error may have been logged, nothing outside asked.

    Each visit of a test has a profile of its own. ``serve_page`` is needed so that pages are left before their server ends.
    """
    pages: list[Any] = []
    taken: Counter[str] = Counter()
    troubles: list[str] = []

    def open_page(
        url: str,
        width: int = 1440,
        height: int = 900,
        wait_for: str = "Your question",
        heading: str = "",
        script: str = "",
        color_scheme: str = "light",
        forced_colors: str = "none",
        **options: Any,
    ) -> Any:
        kind = repr(sorted(options.items()))
        if taken[kind] == len(profiles[kind]):
            profiles[kind].append(chromium.new_context(reduced_motion="reduce", **options))
        context = profiles[kind][taken[kind]]
        taken[kind] += 1
        page = context.new_page()
        pages.append(page)
        page.set_default_timeout(SECONDS * 1000)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=color_scheme, forced_colors=forced_colors)
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
    for page in pages:
        if not page.is_closed():
            page.evaluate("localStorage.clear()")
            page.close()
        page.context.clear_cookies()
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
    """Fails where axe-core, which checks accessibility by rules, finds anything in a page as it stands, light or dark."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        unavailable("there is no axe-core; install it with: pip install axe-playwright-python")
    axe = Axe()

    def check(page: Any) -> None:
        for scheme, rules in (("dark", {"runOnly": ["color-contrast"]}), ("light", {})):
            page.emulate_media(color_scheme=scheme)
            page.evaluate("() => new Promise(requestAnimationFrame)")  # before it the page hears of its new colours
            found = axe.run(page, options={"resultTypes": ["violations"], **rules}).response["violations"]
            assert [f"{scheme}: {each['id']}: {each['nodes'][0]['html'][:200]}" for each in found] == []

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
