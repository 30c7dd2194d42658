"""Sharing the page: accounts, who is let in, under which names, and behind a proxy; with a real server on this machine."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import re
import socket
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asynchronous import run as run_apart
from double import Opener, ServicesDouble
from rag.__main__ import cli
from rag.doors.bearer import make_token
from rag.errors import AccountsError, Busy, SettingsError
from rag.settings import Settings
from rag.web import accounts as room
from rag.web.accounts import (
    FREE_TRIES,
    LONGEST_WAIT,
    REMEMBERED,
    Accounts,
    PasswordHash,
    Patience,
    check_password,
    open_to_others,
    read_accounts,
    write_accounts,
)
from rag.web.security import Address, Gate, Guard, check_host

PASSWORD = "test-key four words"


def cheap(password: str = PASSWORD) -> PasswordHash:
    return PasswordHash.of(password, 16, 8, 1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.txt"
    write_accounts(path, {"maren": cheap(), "ilse": cheap("test-key another")})
    return path


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class TestPasswordHash:
    def test_it_is_what_the_standard_library_makes_of_it_with_what_owasp_asks_for(self) -> None:
        kept = str(PasswordHash.of(PASSWORD))
        kind, n, r, p, salt, digest = kept.split("$")
        assert (kind, n, r, p) == ("scrypt", "32768", "8", "3")
        expected = hashlib.scrypt(PASSWORD.encode(), salt=b64decode(salt), n=2**15, r=8, p=3, maxmem=2**26, dklen=32)
        assert b64decode(digest) == expected
        assert PasswordHash.parse(kept).fits(PASSWORD)

    def test_two_of_one_password_differ_and_neither_prints_itself(self) -> None:
        assert cheap() != cheap()
        assert PASSWORD not in repr(cheap()) + str(cheap())

    @given(st.text(st.characters(exclude_characters="\0"), max_size=30), st.text(max_size=30))
    @example("", "\0")
    @settings(max_examples=100, deadline=None)
    def test_one_password_fits(self, right: str, other: str) -> None:
        import unicodedata

        kept = cheap(right)
        assert kept.fits(right)
        assert kept.fits(other) == (unicodedata.normalize("NFC", right) == unicodedata.normalize("NFC", other))

    @pytest.mark.parametrize(
        "damaged",
        [
            "",
            "plain",
            "bcrypt$16$8$1$AAAAAAAAAAAAAAAAAAAAAA==$" + "A" * 43 + "=",
            "scrypt$17$8$1$AAAAAAAAAAAAAAAAAAAAAA==$" + "A" * 43 + "=",
            "scrypt$1073741824$8$1$AAAAAAAAAAAAAAAAAAAAAA==$" + "A" * 43 + "=",
            "scrypt$16$8$0$AAAAAAAAAAAAAAAAAAAAAA==$" + "A" * 43 + "=",
            "scrypt$16$8$1$$" + "A" * 43 + "=",
            "scrypt$16$8$1$AAAAAAAAAAAAAAAAAAAAAA==$",
            "scrypt$16$8$1$AAAAAAAAAAAAAAAAAAAAAA==$!!!",
        ],
    )
    def test_what_is_damaged_is_refused(self, damaged: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - several kinds of damage
            PasswordHash.parse(damaged)


class TestFile:
    def test_what_is_written_is_read_and_is_the_owners_alone(self, file: Path) -> None:
        found = read_accounts(file)
        assert list(found) == ["ilse", "maren"]
        assert found["maren"].fits(PASSWORD)
        assert not open_to_others(file)
        file.chmod(0o644)
        assert open_to_others(file)
        assert [each.name for each in file.parent.iterdir()] == ["accounts.txt"]

    def test_empty_lines_and_remarks_are_passed_over(self, file: Path) -> None:
        file.write_text(f"# who may read\n\n{file.read_text()}\n")
        assert len(read_accounts(file)) == 2

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("maren", "line 3: damaged"),
            ("maren:test-key-canary", "line 3: damaged"),
            ("ma ren:{kept}", "line 3: damaged"),
            (":{kept}", "line 3: damaged"),
            ("maren:{kept}", "line 3: a second account of one name"),
        ],
    )
    def test_a_wrong_line_is_named_by_its_number_only(self, file: Path, line: str, reason: str) -> None:
        file.write_text(file.read_text() + line.format(kept=cheap()) + "\n")
        with pytest.raises(AccountsError, match=reason) as refused:
            read_accounts(file)
        assert "canary" not in str(refused.value)
        assert str(file.parent) not in str(refused.value)

    def test_no_file_no_text_and_no_account_are_errors(self, file: Path, tmp_path: Path) -> None:
        with pytest.raises(AccountsError, match="rag account add NAME --auth FILE"):
            read_accounts(tmp_path / "none.txt")
        file.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(AccountsError, match="is no text"):
            read_accounts(file)
        file.write_text("# nobody\n")
        with pytest.raises(AccountsError, match="there are none"):
            Accounts(file)


class TestLogin:
    def test_the_right_password_of_the_right_name(self, file: Path) -> None:
        known = Accounts(file)
        for name, password, right in (
            ("maren", PASSWORD, True),
            ("maren", "test-key another", False),
            ("ilse", "test-key another", True),
            ("nobody", PASSWORD, False),
            ("", "", False),
            ("maren", PASSWORD + "x" * 2000, False),
        ):
            assert asyncio.run(known.login(name, password)) is right

    def test_wrong_passwords_from_one_address_keep_nobody_waiting_elsewhere(self, file: Path) -> None:
        known = Accounts(file, Clock())
        for _ in range(FREE_TRIES + 1):
            assert not asyncio.run(known.login("maren", "wrong", "10.0.0.1"))
        assert not asyncio.run(known.login("maren", PASSWORD, "10.0.0.1"))
        assert asyncio.run(known.login("maren", PASSWORD, "10.0.0.2"))

    def test_many_names_from_one_address_have_to_wait_too(self, file: Path) -> None:
        known = Accounts(file, Clock())
        for number in range(room.FREE_TRIES_OF_ADDRESS):
            assert not asyncio.run(known.login(f"name{number}", "wrong", "10.0.0.1"))
        assert not asyncio.run(known.login("maren", PASSWORD, "10.0.0.1"))
        assert asyncio.run(known.login("maren", PASSWORD, "10.0.0.2"))

    @pytest.mark.parametrize("address", ["10.0.0.1", "10.0.0.2"])
    def test_a_flood_of_names_is_told_that_it_is_busy_and_keeps_nobody_out(
        self, file: Path, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        compared: list[str] = []
        monkeypatch.setattr(Accounts, "_fits", lambda self, name, password: compared.append(name) or name == "maren")

        async def flood() -> tuple[list[Any], bool]:
            known = Accounts(file, Clock())
            tries = [asyncio.ensure_future(known.login(f"name{number}", "wrong", "10.0.0.1")) for number in range(110)]
            await asyncio.sleep(0)
            let_in = await known.login("maren", PASSWORD, address)
            return await asyncio.gather(*tries, return_exceptions=True), let_in

        tried, let_in = asyncio.run(flood())
        assert let_in
        assert compared.index("maren") <= 2
        assert len(compared) - 1 == sum(each is False for each in tried) <= room.AT_ONCE + room.WAITING
        assert all(each is False or isinstance(each, Busy) for each in tried)

    def test_a_name_given_anew_is_another_account(self, file: Path) -> None:
        known = Accounts(file)
        assert known.owner("maren") == "maren"  # from a file without ids: what was kept stays hers
        first = replace(cheap(), account="aa")
        write_accounts(file, {"maren": first})
        assert known.owner("maren") == "maren#aa"
        assert read_accounts(file) == {"maren": first}
        with pytest.raises(AccountsError):
            file.write_text(f"maren:{cheap()}$<script>")
            read_accounts(file)

    def test_a_name_that_is_unknown_costs_as_much(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        known, costs = Accounts(file), []
        real = room._scrypt
        monkeypatch.setattr(room, "_scrypt", lambda *given: costs.append(given[1:4]) or real(*given))
        asyncio.run(known.login("maren", "wrong"))
        asyncio.run(known.login("nobody", "wrong"))
        assert costs == [(16, 8, 1)] * 2

    def test_who_is_added_or_removed_is_known_at_once_and_nobody_where_it_is_damaged(self, file: Path) -> None:
        known = Accounts(file)
        write_accounts(file, {"tove": cheap()})
        assert known.of("tove") is not None
        assert known.of("maren") is None
        assert asyncio.run(known.login("tove", PASSWORD))
        file.write_text("tove:damaged\n")
        assert known.of("tove") is None
        assert not asyncio.run(known.login("tove", PASSWORD))

    def test_wrong_passwords_cost_a_name_time_and_no_other(self, file: Path) -> None:
        clock = Clock()
        known = Accounts(file, clock)
        for _ in range(FREE_TRIES):
            assert not asyncio.run(known.login("maren", "wrong"))
        assert not asyncio.run(known.login("maren", PASSWORD))
        assert asyncio.run(known.login("ilse", "test-key another"))
        clock.now = 1.0
        assert asyncio.run(known.login("maren", PASSWORD))
        assert not asyncio.run(known.login("maren", "wrong"))
        assert asyncio.run(known.login("maren", PASSWORD))


class TestPatience:
    def test_waits_double_up_to_the_longest(self) -> None:
        clock = Clock()
        patience = Patience(FREE_TRIES, clock)
        waited = []
        for _ in range(FREE_TRIES + 9):
            began = clock.now
            while not patience.allows("maren"):
                clock.now += 0.5
            waited.append(clock.now - began)
            patience.count("maren", False)
        assert waited == [0.0] * FREE_TRIES + [1, 2, 4, 8, 16, 32, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT]
        clock.now += 3601
        assert patience.allows("maren")

    def test_its_memory_is_bounded(self) -> None:
        patience = Patience(FREE_TRIES, Clock())
        for number in range(REMEMBERED + 50):
            assert patience.allows(f"name{number}")
            patience.count(f"name{number}", False)
        assert len(patience._tried) == REMEMBERED


class TestCommands:
    def run(self, *arguments: str, typed: str = "", **environment: str) -> Any:
        return CliRunner().invoke(cli, ["account", *arguments], input=typed, env=environment, catch_exceptions=True)

    @pytest.fixture(autouse=True)
    def cheaply(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(PasswordHash, "of", classmethod(lambda cls, password, *_: cheap_of(password)))

    def test_an_account_is_made_listed_changed_and_removed(self, tmp_path: Path) -> None:
        path = str(tmp_path / "new.txt")
        done = self.run("add", "maren", "--auth", path, typed=f"{PASSWORD}\n{PASSWORD}\n")
        assert done.exit_code == 0, done.output
        assert PASSWORD not in done.output
        assert read_accounts(Path(path))["maren"].fits(PASSWORD)
        id = read_accounts(Path(path))["maren"].account
        assert len(id) == 16
        assert self.run("add", "ilse", "--password-stdin", typed="test-key other\n", RAG_ACCOUNTS=path).exit_code == 0
        assert self.run("list", "--auth", path).stdout == "ilse\nmaren\n"
        assert self.run("list", "--auth", path, "--json").stdout.split() == ["[", '"ilse",', '"maren"', "]"]
        self.run("add", "maren", "--auth", path, "--password-stdin", typed="test-key newer\n")
        newer = read_accounts(Path(path))["maren"]
        assert newer.fits("test-key newer")
        assert newer.account == id
        assert self.run("remove", "maren", "--auth", path).exit_code == 0
        assert list(read_accounts(Path(path))) == ["ilse"]
        self.run("add", "maren", "--auth", path, "--password-stdin", typed="test-key newer\n")
        assert read_accounts(Path(path))["maren"].account != id
        self.run("remove", "maren", "--auth", path)
        assert isinstance(self.run("remove", "maren", "--auth", path).exception, AccountsError)

    @pytest.mark.parametrize(
        ("name", "typed"),
        [
            ("maren", "short\nshort\n"),
            ("maren", f"{PASSWORD}\ntest-key another\n"),
            ("ma:ren", f"{PASSWORD}\n{PASSWORD}\n"),
        ],
    )
    def test_what_cannot_be_is_refused(self, tmp_path: Path, name: str, typed: str) -> None:
        path = tmp_path / "new.txt"
        assert self.run("add", name, "--auth", str(path), typed=typed).exit_code != 0
        assert not path.exists()

    def test_the_page_is_started_with_what_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import ui

        started: list[Settings] = []
        monkeypatch.setattr(ui, "launch", lambda settings, browser: started.append(settings))
        said = [
            "--auth",
            "a.txt",
            "--root-path",
            "/news",
            "--allow-host",
            "one.test",
            "--allow-host",
            "two.test",
            "--watch",
        ]
        assert CliRunner().invoke(cli, ["chat", *said]).exit_code == 0
        assert CliRunner().invoke(cli, ["chat"], env={"RAG_ALLOWED_HOSTS": "three.test"}).exit_code == 0
        usual = Settings.from_environment()
        expected = usual.replace(accounts="a.txt", root_path="/news", allowed_hosts="one.test,two.test", watch="on")
        assert started == [expected, usual.replace(allowed_hosts="three.test")]

    def test_a_damaged_file_is_not_written_over(self, file: Path) -> None:
        file.write_text("damaged\n")
        assert isinstance(
            self.run("add", "tove", "--auth", str(file), typed=f"{PASSWORD}\n" * 2).exception, AccountsError
        )
        assert file.read_text() == "damaged\n"

    def test_without_a_file_it_says_so(self) -> None:
        done = self.run("list", RAG_ACCOUNTS="")
        assert done.exit_code == 64
        assert "RAG_ACCOUNTS" in done.output

    def test_a_password_is_not_repeated(self) -> None:
        with pytest.raises(AccountsError) as refused:
            check_password("canary")
        assert "canary" not in str(refused.value)


def cheap_of(password: str) -> PasswordHash:
    salt = b"0123456789abcdef"
    return PasswordHash(16, 8, 1, salt, hashlib.scrypt(password.encode(), salt=salt, n=16, r=8, p=1, dklen=32))


class TestAddress:
    def test_another_machine_is_let_in_with_a_login_only(self) -> None:
        with pytest.raises(SettingsError, match=r"rag account add NAME --auth FILE.*set RAG_HOST to 127\.0\.0\.1"):
            check_host("0.0.0.0")
        for host in ("0.0.0.0", "::", "192.168.1.5", "desk.example"):
            assert check_host(host, "accounts.txt") == host
        with pytest.raises(SettingsError):
            check_host("", "accounts.txt")

    @pytest.mark.parametrize(
        ("host", "known", "unknown"),
        [
            ("127.0.0.1", ["127.0.0.1", "localhost:7860", "[::1]"], ["192.168.1.5", "0.0.0.0", "desk.example", ""]),
            ("192.168.1.5", ["192.168.1.5:7860", "localhost"], ["192.168.1.6", "evil.test", "192.168.1.5.evil.test"]),
            ("fd00::5", ["[fd00::5]:7860"], ["[fd00::6]", "fd00::5"]),
            (
                "0.0.0.0",
                ["192.168.1.5", "10.0.0.1:7860", "[fd00::5]:1", "LOCALHOST", "newsroom:7860", "newsroom.local"],
                ["evil.test", "newsroom.evil.test", "192.168.1.5.evil.test", "", "1.2.3", "newsroom.example.evil.test"],
            ),
        ],
    )
    def test_it_is_known_under_its_own_names(
        self, host: str, known: list[str], unknown: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(socket, "gethostname", lambda: "Newsroom.example")
        address = Address.of(Settings(host=host, accounts="accounts.txt"))
        assert [each for each in known if not address.knows(each)] == []
        assert [each for each in unknown if address.knows(each)] == []

    def test_further_names_are_those_of_a_proxy(self) -> None:
        address = Address.of(Settings(allowed_hosts="Desk.example, other.example", root_path="/news/"))
        assert address.knows("desk.example:8443")
        assert not address.knows("evil.desk.example")
        assert (address.path, address.origin, address.root) == ("/news", "", "/news")
        for origin, own in (
            ("https://desk.example", True),
            ("https://desk.example:8443", False),
            ("https://evil.example", False),
            ("http://127.0.0.1:7860", True),
            ("null", False),
            ("ftp://desk.example", False),
        ):
            assert address.is_own(origin, "127.0.0.1:7860") is own, origin
        whole = Address.of(Settings(root_path="https://desk.example:8443/news"))
        assert whole.is_own("https://desk.example:8443", "127.0.0.1:7860")
        assert whole.root == "https://desk.example:8443/news"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"allowed_hosts": "https://desk.example"},
            {"allowed_hosts": "desk.example:80"},
            {"allowed_hosts": "*"},
            {"root_path": "news"},
            {"root_path": "/news?x=1"},
            {"root_path": '/"><script>'},
            {"root_path": "ftp://desk.example/"},
            {"root_path": "//desk.example/news"},
        ],
    )
    def test_what_is_no_name_or_path_is_refused(self, wrong: dict[str, str]) -> None:
        with pytest.raises(SettingsError):
            Address.of(Settings(**wrong))  # type: ignore[arg-type]


class TestGuard:
    def ask(
        self, address: Address | None = None, method: str = "GET", path: str = "/", **headers: str
    ) -> tuple[int, dict[str, str], dict[str, str]]:
        """The status, the answer's headers, and the headers that reached the application."""
        sent: list[Any] = []
        reached: dict[str, str] = {}

        async def application(scope: Any, receive: Any, send: Any) -> None:
            reached.update({name.decode(): value.decode() for name, value in scope["headers"]})
            cookie = b"access-token-unsecure-1=secret; Path=/; SameSite=none; Domain=example"
            await send({"type": "http.response.start", "status": 200, "headers": [(b"set-cookie", cookie)]})

        async def collect(message: Any) -> None:
            sent.append(message)

        headers = {"host": "127.0.0.1:7860", **headers}
        encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": encoded, "scheme": "http"}
        run_apart(Guard(application, address)(scope, None, collect))  # type: ignore[arg-type]
        answer = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], answer, reached

    def test_a_foreign_page_may_not_even_read(self) -> None:
        for origin in ("https://evil.test", "null", "http://127.0.0.1:7861"):
            assert self.ask(origin=origin)[0] == 403
        assert self.ask(origin="http://127.0.0.1:7860")[0] == 200

    def test_a_foreign_page_logs_nobody_out(self) -> None:
        assert self.ask(path="/logout", sec_fetch_site="cross-site")[0] == 403
        assert self.ask(path="/logout", sec_fetch_site="same-origin")[0] == 200
        assert self.ask(path="/", sec_fetch_site="cross-site")[0] == 200

    def test_what_a_proxy_says_is_believed_only_where_one_was_announced(self) -> None:
        said = {"x_forwarded_host": "desk.example", "x_forwarded_proto": "https", "x_gradio_server": "http://evil.test"}
        assert set(self.ask(**said)[2]) == {"host"}
        announced = Address.of(Settings(allowed_hosts="desk.example"))
        assert set(self.ask(announced, **said)[2]) == {"host", "x-forwarded-host", "x-forwarded-proto"}
        said["x_forwarded_host"] = "evil.test"
        assert set(self.ask(announced, **said)[2]) == {"host", "x-forwarded-proto"}

    def test_a_page_behind_a_proxy_may_ask(self) -> None:
        behind = Address.of(Settings(allowed_hosts="desk.example"))
        post = {"method": "POST", "origin": "https://desk.example:8443"}
        assert self.ask(behind, **post, x_forwarded_host="desk.example:8443")[0] == 200
        assert self.ask(behind, **post, host="desk.example:8443")[0] == 200
        assert self.ask(behind, **post)[0] == 403
        assert self.ask(behind, "POST", origin="https://desk.example")[0] == 200
        assert self.ask(behind, "POST", origin="https://evil.test", x_forwarded_host="evil.test")[0] == 403
        assert self.ask(None, "POST", origin="https://desk.example", x_forwarded_host="desk.example")[0] == 403

    def test_a_prefix_does_not_lead_around_the_guard(self) -> None:
        behind = Address.of(Settings(root_path="/news"))
        for path in ("/news/logout", "/news/news/logout", "/news/news/news/logout"):  # the router takes one more away
            assert self.ask(behind, "GET", path, sec_fetch_site="cross-site")[0] == 403
        assert self.ask(behind, "POST", "/news/news/gradio_api/upload")[0] == 403
        assert self.ask(behind, "GET", "/newsroom", sec_fetch_site="cross-site")[0] == 200

    def test_cookies_stay_home(self) -> None:
        cookie = self.ask()[1]["set-cookie"]
        assert cookie == "access-token-unsecure-1=secret; Path=/; HttpOnly; SameSite=Lax"
        behind = Address.of(Settings(root_path="https://desk.example/news"))
        assert self.ask(behind)[1]["set-cookie"].endswith("Path=/news; HttpOnly; SameSite=Lax; Secure")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


Serve = Callable[..., tuple[str, Path]]
SERVED: list[Any] = []
"""Never closed: a gradio that is closed leaves its event loops open, and they end with the process anyway."""


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Serves a page with a login for settings, and gives its address and its accounts."""
    pytest.importorskip("gradio")
    import ui

    def serve(**changes: Any) -> tuple[str, Path]:
        path = tmp_path_factory.mktemp("accounts") / "accounts.txt"
        write_accounts(path, {"maren": cheap(), "ilse": cheap()})
        chosen = Settings(accounts=str(path), **changes)
        opener = Opener()
        opener.ready.set()

        async def begin() -> str:  # gradio looks for a loop, and would make one that nobody closes
            page = ui.build_page(opener, chosen, lambda _: (), ServicesDouble())
            SERVED.append(page)
            return ui.serve(page, chosen.host, free_port(), address=Address.of(chosen), accounts=Accounts(path))

        return run_apart(begin()), path

    return serve


@pytest.fixture(scope="module")
def served(serve: Serve) -> tuple[str, Path]:
    return serve()


@pytest.fixture
def client(served: tuple[str, Path]) -> Iterator[Any]:
    import httpx

    with httpx.Client(base_url=served[0], trust_env=False) as client:
        yield client


def login(client: Any, name: str = "maren", password: str = PASSWORD, path: str = "/login", **headers: str) -> Any:
    return client.post(path, data={"username": name, "password": password}, headers=headers)


@pytest.mark.filterwarnings("ignore::Warning")
def test_a_busy_machine_serves_and_keeps_nothing_of_forgotten_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gradio")
    import httpx

    import ui

    monkeypatch.setattr(ui, "SESSIONS", 2)
    monkeypatch.setattr("gradio.networking.url_ok", lambda _: False)  # the page took more than three seconds
    opener = Opener()
    opener.ready.set()

    async def begin() -> str:
        SERVED.append(ui.build_page(opener, Settings(data=tmp_path), lambda _: (), ServicesDouble()))
        return ui.serve(SERVED[-1], "127.0.0.1", free_port())

    with httpx.Client(base_url=run_apart(begin()), trust_env=False) as client:
        event = next(each for each in client.get("/config").json()["dependencies"] if each["api_name"] == "recall")
        for number in range(6):
            sent = {"data": [None for _ in event["inputs"]], "fn_index": event["id"], "session_hash": f"page{number}"}
            assert client.post("/gradio_api/queue/join", json=sent).status_code == 200
            told = client.get(f"/gradio_api/queue/data?session_hash=page{number}").text
            assert '"success":true' in told.replace(" ", "")
    queue, holder = SERVED[-1]._queue, SERVED[-1].state_holder
    kept = (queue.pending_messages_per_session, queue.pending_event_ids_session, holder.session_data)
    assert [set(each) for each in kept] == [{"page4", "page5"}] * 3
    assert queue.ANALYTICS_MAX_EVENTS == 100


CLOSED = [
    ("GET", "/config"),
    ("GET", "/gradio_api/info"),
    ("GET", "/gradio_api/openapi.json"),
    ("POST", "/gradio_api/queue/join"),
    ("GET", "/gradio_api/queue/data?session_hash=x"),
    ("POST", "/gradio_api/run/ask"),
    ("POST", "/gradio_api/call/ask"),
    ("POST", "/gradio_api/component_server"),
    ("GET", "/gradio_api/file=ui.py"),
    ("POST", "/gradio_api/cancel"),
    ("POST", "/gradio_api/reset"),
    ("GET", "/gradio_api/heartbeat/x"),
    ("GET", "/gradio_api/stream/x/1/1/playlist.m3u8"),
    ("GET", "/gradio_api/runs"),
    ("GET", "/gradio_api/token"),
    ("GET", "/gradio_api/app_id"),
    ("GET", "/gradio_api/user"),
    ("GET", "/gradio_api/login_check"),
    ("GET", "/gradio_api/vibe-code"),
    ("GET", "/gradio_api/custom_component/x/client/component/index.js"),
    ("GET", "/monitoring"),
    ("GET", "/footnote/"),
    ("POST", "/footnote/articles?name=a.md"),
    ("GET", "/footnote/anything"),
    ("GET", "/gradio_api/anything"),
    ("GET", "/anything"),
]


@pytest.mark.filterwarnings("ignore::Warning")
class TestServed:
    @pytest.mark.parametrize(("method", "path"), CLOSED, ids=lambda each: each)
    def test_without_a_login_nothing_is_open(self, client: Any, method: str, path: str) -> None:
        assert client.request(method, path).status_code == 401

    def test_but_the_login_and_what_it_is_drawn_with(self, client: Any) -> None:
        page = client.get("/")
        assert page.status_code == 200
        assert '"auth_required":true' in page.text.replace(" ", "")
        for secret in ("How much will", "ferry", "elem_id", 'dependencies":[{'):
            assert secret not in page.text
        assert "default-src 'self'" in page.headers["content-security-policy"]
        parts = re.findall(r'(?:src|href)="(\./[^"]+)"', page.text)
        assert parts
        for part in parts:
            assert client.get(urljoin("/", part)).status_code == 200, part
        assert client.get("/footnote/fonts/source-sans-3-latin.woff2").status_code == 200

    def test_a_login_sets_a_cookie_that_no_script_reads_and_no_other_page_sends(self, client: Any) -> None:
        done = login(client)
        assert done.status_code == 200
        cookies = done.headers.get_list("set-cookie")
        assert cookies
        for cookie in cookies:
            assert "; HttpOnly; SameSite=Lax" in cookie
            assert "samesite=none" not in cookie.lower()
        assert client.get("/config").json()["username"] == "maren"
        assert client.get("/gradio_api/user").json() == "maren"

    @pytest.mark.parametrize(("name", "password"), [("maren", "wrong"), ("nobody", PASSWORD), ("MAREN", PASSWORD)])
    def test_a_wrong_password_sets_none(self, client: Any, name: str, password: str) -> None:
        refused = login(client, name, password)
        assert refused.status_code == 400
        assert "set-cookie" not in refused.headers
        assert client.get("/config").status_code == 401

    def test_a_page_that_is_no_longer_logged_in_can_show_why(self, client: Any) -> None:
        refused = client.post("/gradio_api/queue/join", json={})
        assert (refused.status_code, refused.json()["detail"]) == (401, "Log in first; reload the page.")

    def test_a_token_opens_the_door_for_programs_and_no_other(self, client: Any, served: tuple[str, Path]) -> None:
        headers = {"authorization": f"Bearer {make_token(served[1], 'maren')}"}
        assert client.get("/v1/models").status_code == client.get("/articles/ferry.md").status_code == 401
        assert client.get("/v1/models", headers=headers).status_code == 200
        assert client.get("/config", headers=headers).status_code == 401
        assert client.get("/gradio_api/info", headers=headers).status_code == 401
        login(client)
        assert "electric ferries" in client.get("/articles/ferry.md").text

    def test_a_made_up_cookie_opens_nothing(self, client: Any) -> None:
        login(client)
        client.cookies = dict.fromkeys(client.cookies, "made-up")
        assert client.get("/config").status_code == 401

    def test_logging_out_ends_it_also_for_who_kept_the_cookie(self, client: Any) -> None:
        login(client)
        kept = dict(client.cookies)
        assert client.get("/config").status_code == 200
        client.get("/logout")
        assert client.get("/config").status_code == 401
        client.cookies = kept
        assert client.get("/config").status_code == 401

    def test_an_account_that_is_removed_is_out(self, client: Any, served: tuple[str, Path]) -> None:
        login(client, "ilse")
        assert client.get("/config").status_code == 200
        known = read_accounts(served[1])
        write_accounts(served[1], {"maren": known["maren"]})
        assert client.get("/config").status_code == 401
        assert '"auth_required":true' in client.get("/").text.replace(" ", "")
        write_accounts(served[1], known)

    def test_who_has_a_new_password_has_to_log_in_with_it(self, client: Any, served: tuple[str, Path]) -> None:
        login(client, "ilse")
        assert client.get("/config").status_code == 200
        known = read_accounts(served[1])
        write_accounts(served[1], {**known, "ilse": cheap("test-key another one")})
        assert client.get("/config").status_code == 401
        assert login(client, "ilse").status_code == 400
        assert login(client, "ilse", "test-key another one").status_code == 200
        assert client.get("/config").status_code == 200
        write_accounts(served[1], known)
        assert client.get("/config").status_code == 401

    def test_a_session_is_its_accounts_alone(self, client: Any, served: tuple[str, Path]) -> None:
        import httpx

        name = "hers-alone"
        login(client)
        assert client.post("/gradio_api/queue/join", json={"session_hash": name, "fn_index": 0}).status_code != 403
        with httpx.Client(base_url=served[0], trust_env=False) as other:
            login(other, "ilse")
            for method, path, body in (
                ("POST", "/gradio_api/queue/join", f'{{"session_hash": "{name}", "fn_index": 0}}'),
                ("POST", "/gradio_api/queue/join", f'{{"session\\u005fhash": "{name}", "fn_index": 0}}'),
                ("POST", "/gradio_api/run/keep_key", f'{{"session_hash": "{name}", "data": []}}'),
                ("POST", "/gradio_api/run/keep_key", '{"data": []}'),  # those without a name would share one session
                ("POST", "/gradio_api/api/keep_key", '{"session_hash": null, "data": []}'),
                ("POST", "/gradio_api/component_server", f'{{"session_hash": "{name}"}}'),
                ("POST", "/gradio_api/cancel", f'{{"session_hash": "{name}"}}'),
                ("GET", f"/gradio_api/queue/data?session_hash={name}", ""),
                ("GET", f"/gradio_api/queue/data?session_hash=mine&session_hash={name}", ""),
                ("GET", f"/gradio_api/heartbeat/{name}", ""),
                ("GET", f"/gradio_api/stream/{name}/1/1/playlist.m3u8", ""),
                ("GET", f"/gradio_api/call/ask/{name}", ""),
                ("GET", f"/gradio_api/call/v2/ask/{name}", ""),
                ("GET", f"/?session_hash={name}", ""),
            ):
                refused = other.request(method, path, content=body, headers={"content-type": "application/json"})
                assert (refused.status_code, path) == (403, path)
            form = {"session_hash": (None, name), "component_id": (None, "1"), "fn_name": (None, "x")}
            assert other.post("/gradio_api/component_server", files=form).status_code == 403

    def test_a_login_that_waits_too_long_is_not_called_wrong(
        self, client: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def login_(*_: Any) -> bool:
            raise Busy("too much of yours is waiting here already; try again in a moment")

        monkeypatch.setattr(Accounts, "login", login_)
        refused = login(client)
        assert (refused.status_code, refused.json()["detail"]) == (
            503,
            "Too much of yours is waiting here already; try again in a moment",
        )

    def test_junk_is_one_line_in_the_log_and_an_answer_with_our_headers(
        self, client: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        login(client)
        for path, sent in (
            ("/gradio_api/queue/join", {"json": {"session_hash": "x", "fn_index": 99999, "data": []}}),
            ("/gradio_api/run/ask", {"json": {"session_hash": "x", "fn_index": -7, "data": "no"}}),
            ("/gradio_api/component_server", {"json": {"session_hash": "x", "component_id": 99999, "fn_name": "x"}}),
            ("/gradio_api/component_server", {"files": {"file": b"x"}, "data": {"component_id": "x"}}),
        ):
            answer = client.post(path, **sent)
            assert answer.status_code >= 400, path
            assert "default-src 'self'" in answer.headers["content-security-policy"], path
            assert answer.headers["x-frame-options"] == "DENY"
        asked = next(each for each in client.get("/config").json()["dependencies"] if each["api_name"] == "ask")
        file = {"path": "/no/such/file", "meta": {"_type": "gradio.FileData"}}  # gradio raises and prints
        sent = {"data": [file, None, None], "fn_index": asked["id"], "session_hash": "junk"}
        client.post("/gradio_api/queue/join", json=sent)
        assert '"success":false' in client.get("/gradio_api/queue/data?session_hash=junk").text.replace(" ", "")
        assert "a request failed: InvalidPathError" in caplog.text
        shown = capfd.readouterr()
        assert "Traceback" not in caplog.text + shown.out + shown.err

    def test_a_foreign_pages_preflight_is_refused(self, client: Any) -> None:
        asked = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}
        answer = client.options("/gradio_api/queue/join", headers=asked)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
        assert "content-security-policy" in answer.headers

    def test_a_foreign_page_can_neither_log_in_nor_read(self, client: Any) -> None:
        assert login(client, Origin="https://evil.test").status_code == 403
        login(client)
        answer = client.get("/config", headers={"Origin": "https://evil.test"})
        assert answer.status_code == 403
        assert "maren" not in answer.text

    def test_who_asks_is_known_to_the_page(self, file: Path) -> None:
        """The name that handlers see comes from the cookie, whatever the browser says."""
        import gradio
        import httpx

        import ui

        def whoami(request: Any) -> str:
            return str(request.username)

        whoami.__annotations__["request"] = gradio.Request

        async def begin() -> str:
            ui._import_gradio()
            with gradio.Blocks(analytics_enabled=False) as page:
                said = gradio.Textbox()
                page.load(whoami, None, said, api_name="whoami", queue=False)
            SERVED.append(page)
            return ui.serve(page, "127.0.0.1", free_port(), accounts=Accounts(file))

        with httpx.Client(base_url=run_apart(begin()), trust_env=False) as client:
            login(client, "ilse", "test-key another")
            body = {"data": [], "username": "maren", "session_hash": "one"}
            answer = client.post("/gradio_api/run/whoami", json=body).json()
            assert answer.get("data") == ["ilse"], answer


class Proxy(ThreadingHTTPServer):
    """A reverse proxy in few lines: ``/news/…`` becomes ``/…`` (or stays), as one with TLS would pass it on."""

    daemon_threads = True

    def __init__(self, port: int, to: str, strip: bool, forward: bool) -> None:
        super().__init__(("127.0.0.1", port), _Passing)
        self.to, self.strip, self.forward = urlsplit(to), strip, forward


class _Passing(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        if not self.path.startswith("/news"):
            self.send_error(404)
            return
        path = (self.path.removeprefix("/news") or "/") if self.server.strip else self.path
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        if self.server.forward:
            headers |= {"X-Forwarded-Host": self.headers["Host"], "X-Forwarded-Proto": "http"}
            headers["Host"] = self.server.to.netloc
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        there = http.client.HTTPConnection(self.server.to.hostname or "", self.server.to.port, timeout=20)
        try:
            there.request(self.command, path, body, headers)
            answer = there.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                    self.send_header(name, value)
            self.end_headers()
            while part := answer.read1(65536):
                self.wfile.write(part)
                self.wfile.flush()
        except OSError:
            self.close_connection = True
        finally:
            there.close()

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.parametrize(
    ("named", "strip", "forward"),
    [(False, True, True), (False, True, False), (False, False, True), (True, True, False), (True, False, False)],
)
def test_behind_a_proxy_all_is_below_its_path(serve: Serve, named: bool, strip: bool, forward: bool) -> None:
    """The proxy may take its own part of the path away or not, and may keep the name it was asked for or say it apart."""
    import httpx

    port = free_port()
    outside = f"http://desk.test:{port}"
    where = {"root_path": f"{outside}/news"} if named else {"root_path": "/news", "allowed_hosts": "desk.test"}
    url, _ = serve(**where)
    with Proxy(port, url, strip, forward) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        there = f"http://127.0.0.1:{proxy.server_port}"
        with httpx.Client(trust_env=False, headers={"Host": outside.partition("//")[2]}) as client:
            page = client.get(f"{there}/news/")
            assert page.status_code == 200
            assert f'"root":"{outside}/news"' in page.text.replace(" ", "")
            for part in re.findall(r'(?:src|href)="(\./[^"]+)"', page.text):
                assert client.get(urljoin(f"{there}/news/", part)).status_code == 200, part
            font = client.get(f"{there}/news/footnote/fonts/source-sans-3-latin.woff2")
            assert font.status_code == 200
            assert client.get(f"{there}/news/config").status_code == 401
            assert login(client, path=f"{there}/news/login", Origin="https://evil.test").status_code == 403
            done = login(client, path=f"{there}/news/login", Origin=outside)
            assert done.status_code == 200
            assert "Path=/news;" in done.headers["set-cookie"]
            token = "; ".join(cookie.partition(";")[0] for cookie in done.headers.get_list("set-cookie"))
            config = client.get(f"{there}/news/config", headers={"Cookie": token}).json()
            assert config["username"] == "maren"
            assert config["root"] == f"{outside}/news"
            assert "/news/footnote/fonts/" in config["css"]
            coming = f"{there}/news/footnote/articles?name=photo.png"
            foreign = {"Cookie": token, "Origin": "https://evil.test"}
            assert client.post(coming, content=b"x", headers=foreign).status_code == 403
            assert "refused" in client.post(coming, content=b"x", headers={"Cookie": token, "Origin": outside}).json()
            left = client.get(f"{there}/news/logout", headers={"Cookie": token})
            assert left.headers["location"].startswith(f"{outside}/news")
            assert client.get(f"{there}/news/config", headers={"Cookie": token}).status_code == 401
        proxy.shutdown()


def test_a_gate_without_a_cookie_closes_sockets(file: Path) -> None:
    sent: list[Any] = []

    class App:
        cookie_id, tokens = "1", {"t": "maren"}

    async def collect(message: Any) -> None:
        sent.append(message)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    gate = Gate(application, Accounts(file))
    for headers in ([], [(b"cookie", b"access-token-1=t")]):
        scope = {"type": "websocket", "path": "/x", "headers": headers, "app": App}
        run_apart(gate(scope, None, collect))  # type: ignore[arg-type]
    assert [each["type"] for each in sent] == ["websocket.close", "websocket.accept"]
