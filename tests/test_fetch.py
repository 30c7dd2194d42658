"""Articles by address: what is fetched and from where, what becomes of it, and the terminal and the page's way to it."""

from __future__ import annotations

import gzip
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from embeddings import Embedder
from news import ARTICLES, write_articles
from rag.__main__ import cli
from rag.errors import AddressError, AddressUnreachable, FootnoteError, RefusedFile
from rag.read import fetch as room
from rag.read import parse
from rag.read.fetch import MOST_REDIRECTS, Fetched, checked_address, fetch, is_public
from rag.settings import Settings
from rag.web.collect import collect, file_name, noted, suffix_of
from rag.web.library import Library
from rag.web.shelf import Shelf
from site_double import Site, leads, page

MEGABYTE = 1_000_000
SENTENCES = " ".join(f"On day {day} the ferry to Osk carried {day + 40} passengers across the bay." for day in range(9))
ARTICLE = f"""<!DOCTYPE html><html lang="en"><head><title>Ferry returns to the bay | Bay Herald</title>
<link rel="canonical" href="https://elsewhere.test/copied"><meta property="article:published_time" content="2031-05-06">
</head><body><main><article><h1>Ferry returns to the bay</h1><p>{SENTENCES}</p><p>{SENTENCES.replace("day", "week")}</p>
<script>document.title = "changed"</script></article></main></body></html>"""


@pytest.fixture
def site() -> Iterator[Site]:
    with Site({"/ferry": page(ARTICLE)}) as site:
        yield site


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "news").mkdir()
    return Shelf(tmp_path / "news", MEGABYTE)


def get(address: str, max_bytes: int = MEGABYTE, **options: Any) -> Fetched:
    return fetch(address, max_bytes, **{"private": True, **options})


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let every name lead to these IP addresses, one more at each look-up; returns the names that were looked up."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *more: Any, **options: Any) -> Any:
        asked.append(host)
        return real(answers[min(len(asked), len(answers)) - 1], port, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


class TestAddresses:
    @pytest.mark.parametrize(
        "address", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700:4700::1111"]
    )
    def test_the_public_internet_is(self, address: str) -> None:
        assert is_public(address)

    @pytest.mark.parametrize(
        "address",
        [
            *("127.0.0.1", "127.255.0.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1"),
            *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
            *("::", "::1", "fe80::1", "fe80::1%1", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1"),
            *(
                "::ffff:127.0.0.1",
                "::ffff:10.0.0.1",
                "::127.0.0.1",
                "64:ff9b::7f00:1",
                "64:ff9b::a00:1",
                "2002:7f00:1::",
            ),
        ],
    )
    def test_this_machine_and_private_networks_are_not(self, address: str) -> None:
        assert not is_public(address)

    @given(st.ip_addresses(v=4))
    def test_an_ipv4_address_is_no_more_public_inside_ipv6(self, ip: Any) -> None:
        assert is_public(f"::ffff:{ip}") == is_public(f"64:ff9b::{ip}") == is_public(str(ip))

    def test_an_address_of_this_machine_is_not_however_public(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(room, "_is_own", lambda address: address == "8.8.8.8")
        assert not is_public("8.8.8.8")
        assert is_public("8.8.4.4")
        monkeypatch.undo()
        assert room._is_own("127.0.0.1")
        assert not room._is_own("8.8.8.8")

    @pytest.mark.parametrize(
        "host",
        [
            *(
                "127.0.0.1",
                "2130706433",
                "0x7f000001",
                "0x7f.1",
                "017700000001",
                "127.1",
                "0",
                "localhost",
                "127.0.0.1.",
            ),
            *("[::1]", "[::ffff:127.0.0.1]", "[::]", "[::ffff:7f00:1]", "①②⑦.⓪.⓪.①"),
        ],
    )
    def test_no_way_of_writing_this_machine_gets_through(self, host: str, site: Site) -> None:
        port = site.url.rpartition(":")[2]
        with pytest.raises(AddressError):
            fetch(f"http://{host}:{port}/ferry", MEGABYTE)
        assert site.asked == []

    @pytest.mark.parametrize(
        "address",
        [
            *("", "ferry", "//courier.test/a", "ftp://courier.test/a", "file:///etc/passwd", "data:text/html,x"),
            *("javascript:alert(1)", "http://", "http:///a", "http://a..b/", "http://courier.test:99999/"),
            *(
                "http://[::1",
                "http://cou rier.test/",
                "http://courier.test/a\r\nHost: b",
                "https://a.test/" + "a" * 2000,
            ),
            *("http://ada:pass@courier.test/", "http://ada@courier.test/", "http://127.0.0.1\\@courier.test/"),
        ],
    )
    def test_what_is_no_address_of_a_page_is_refused(self, address: str) -> None:
        with pytest.raises(AddressError, match="browser"):
            checked_address(address)

    def test_letters_of_all_alphabets_are_sent_as_the_web_writes_them(self) -> None:
        assert checked_address("http://Почта.test:8080/мост?день=1&b=%20") == (
            "http://xn--80a1acny.test:8080/%D0%BC%D0%BE%D1%81%D1%82?%D0%B4%D0%B5%D0%BD%D1%8C=1&b=%20"
        )


class TestFetching:
    def test_it_gives_what_the_server_sends(self, site: Site) -> None:
        assert get(site.url + "/ferry#photo") == Fetched(site.url + "/ferry", "text/html", "utf-8", ARTICLE.encode())
        assert "Cookie" not in site.asked[0]

    def test_this_machine_is_refused_unless_it_is_allowed(self, site: Site) -> None:
        with pytest.raises(AddressError, match="set RAG_PRIVATE_ADDRESSES to on"):
            get(site.url + "/ferry", private=False)
        assert site.asked == []

    def test_the_address_that_was_checked_is_the_one_it_connects_to(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A name server may give a public address to the check and a private one to whoever asks again."""
        connected: list[Any] = []

        def connect(_: Any, where: Any) -> None:
            connected.append(where[0])
            raise ConnectionRefusedError

        monkeypatch.setattr(room, "is_public", lambda _: True)
        monkeypatch.setattr(socket.socket, "connect", connect)
        asked = resolving(monkeypatch, "203.0.113.7", "127.0.0.1")
        with pytest.raises(AddressError):
            get("http://rebound.test/", private=False)
        assert (asked, connected) == (["rebound.test"], ["203.0.113.7"])

    def test_one_private_address_among_public_ones_is_enough_to_refuse(self, monkeypatch: pytest.MonkeyPatch) -> None:
        both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("8.8.8.8", "10.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
        with pytest.raises(AddressError, match="private network"):
            get("http://mixed.test/", private=False)

    def test_redirects_are_followed_to_the_last_address(self, site: Site) -> None:
        site.pages |= {"/old": leads("/new?a=1", "301 Moved"), "/new?a=1": leads(site.url + "/ferry", "307 Moved")}
        assert get(site.url + "/old").address == site.url + "/ferry"

    @pytest.mark.parametrize(
        "to", ["http://127.0.0.1:{port}/ferry", "http://2130706433:{port}/ferry", "//localhost:{port}/ferry", "/ferry"]
    )
    def test_each_redirect_is_checked_anew(self, site: Site, monkeypatch: pytest.MonkeyPatch, to: str) -> None:
        port = site.url.rpartition(":")[2]
        site.pages["/"] = leads(to.format(port=port))
        seen: list[str] = []

        def only_the_first(address: str) -> bool:
            seen.append(address)
            return len(seen) == 1

        monkeypatch.setattr(room, "is_public", only_the_first)
        with pytest.raises(AddressError, match="private network"):
            get(site.url, private=False)
        assert len(site.asked) == 1

    @pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://a.test/", "http://ada:pw@a.test/", "http://[::1"])
    def test_a_redirect_leads_to_pages_only(self, site: Site, to: str) -> None:
        site.pages["/"] = leads(to)
        with pytest.raises(AddressError):
            get(site.url)

    def test_redirects_without_end_are_given_up(self, site: Site) -> None:
        site.pages["/"] = leads("/")
        with pytest.raises(AddressError, match="without an end"):
            get(site.url)
        assert len(site.asked) == MOST_REDIRECTS + 1

    @pytest.mark.parametrize(
        ("status", "said"),
        [("404 No", "no page"), ("403 No", "save the page"), ("503 No", "(503)"), ("204 No", "(204)")],
    )
    def test_only_a_page_counts(self, site: Site, status: str, said: str) -> None:
        site.pages["/"] = page(ARTICLE, status=status)
        with pytest.raises(AddressError, match=re.escape(said)):
            get(site.url)

    def test_more_than_allowed_is_refused_while_it_comes(self, site: Site) -> None:
        sent = []

        def endless(peer: socket.socket) -> None:
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
            while not site.stopping.is_set():
                peer.sendall(b"a" * 65536)
                sent.append(65536)

        site.pages |= {"/endless": endless, "/packed": page(gzip.compress(b"a" * 10**7), Content_Encoding="gzip")}
        for path in ("/endless", "/packed"):
            with pytest.raises(AddressError, match=re.escape("larger than 0.2 MB; raise RAG_MAX_FILE_MEGABYTES")):
                get(site.url + path, 200_000)

    def test_what_is_packed_unasked_is_unpacked(self, site: Site) -> None:
        site.pages |= {
            "/packed": page(gzip.compress(ARTICLE.encode()), Content_Encoding="gzip"),
            "/strange": page(b"?", Content_Encoding="br"),
            "/half": page(gzip.compress(ARTICLE.encode())[:-20], Content_Encoding="gzip"),
        }
        assert get(site.url + "/packed").data == ARTICLE.encode()
        with pytest.raises(AddressError, match="br"):
            get(site.url + "/strange")
        with pytest.raises(AddressUnreachable):
            get(site.url + "/half")

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"\x00\x01",
            b"SSH-2.0-OpenSSH_9\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<html>cut",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n<html>cut",
            b"HTTP/1.1 302 Found\r\nLocation: http://\xff\xfe\x00/\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n",
        ],
    )
    def test_half_an_answer_is_none(self, site: Site, answer: bytes) -> None:
        site.pages["/"] = answer
        with pytest.raises(AddressError):
            get(site.url)

    def test_a_slow_server_is_given_up_by_the_whole_clock(self, site: Site) -> None:
        """Each byte comes in time, the whole never does."""

        def drip(peer: socket.socket) -> None:
            peer.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not site.stopping.wait(0.05):
                peer.sendall(b"a")

        site.pages["/"] = drip
        with pytest.raises(AddressUnreachable, match=re.escape("within 0.4 seconds")):
            get(site.url, seconds=0.4)

    def test_a_name_that_is_none_and_a_port_without_a_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        with pytest.raises(AddressUnreachable, match="does not answer"):
            get(f"http://127.0.0.1:{port}/")

        def unknown(*_: Any, **__: Any) -> Any:
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(AddressUnreachable, match="no site of this name"):
            get("http://nobody.test/")

    def test_tls_is_tried_where_it_is_asked_for(self, site: Site) -> None:
        with pytest.raises(AddressUnreachable):
            get(site.url.replace("http:", "https:") + "/ferry")
        assert site.asked == []


class TestFiles:
    def test_a_page_is_saved_with_its_address_and_the_day(self, site: Site, shelf: Shelf, tmp_path: Path) -> None:
        taken = collect(shelf, site.url + "/ferry", private=True)
        assert taken.name == "127.0.0.1 - Ferry returns to the bay.html"
        data = (tmp_path / "news" / taken.name).read_bytes()
        assert data.endswith(ARTICLE.encode())
        article = parse(taken.name, data)
        assert (article.source, article.published) == (site.url + "/ferry", "2031-05-06")
        assert article.text == parse("ferry.html", ARTICLE.encode()).text
        assert re.search(rb"<!-- saved on \d{4}-\d\d-\d\d -->", data)

    def test_the_same_article_is_saved_once_and_another_never_over_it(self, site: Site, shelf: Shelf) -> None:
        first = collect(shelf, site.url + "/ferry", private=True)
        site.pages["/ferry"] = page(ARTICLE + "<!-- token 77 -->")
        assert collect(shelf, site.url + "/ferry", private=True).known
        site.pages["/ferry"] = page(ARTICLE.replace("carried", "took"))
        other = collect(shelf, site.url + "/ferry", private=True)
        assert other.renamed
        assert other.name == first.name.replace(".html", "-2.html")

    def test_a_page_without_an_article_leaves_nothing(self, site: Site, shelf: Shelf, tmp_path: Path) -> None:
        site.pages |= {"/empty": page("<html></html>"), "/picture": page(b"\x89PNG", "image/png")}
        for path in ("/empty", "/picture"):
            with pytest.raises(RefusedFile):
                collect(shelf, site.url + path, private=True)
        assert list((tmp_path / "news").iterdir()) == []

    @pytest.mark.parametrize(
        ("address", "kind", "data", "suffix"),
        [
            ("https://a.test/report.pdf", "application/pdf", b"%PDF-1.4", ".pdf"),
            ("https://a.test/get?id=1", "application/octet-stream", b"%PDF-1.4", ".pdf"),
            ("https://a.test/report.pdf", "text/html", b"<html>log in", ".html"),
            ("https://a.test/story.php", "application/xhtml+xml", b"<html>", ".html"),
            ("https://a.test/story", "", b"<!doctype html><html>", ".html"),
            ("https://a.test/notes.md", "text/plain", b"# Notes", ".md"),
            ("https://a.test/notes", "text/plain", b"Notes", ".txt"),
            ("https://a.test/Table.CSV", "application/octet-stream", b"a,b", ".csv"),
            ("https://a.test/photo", "image/png", b"\x89PNG", ".png"),
        ],
    )
    def test_the_format_is_that_of_what_came(self, address: str, kind: str, data: bytes, suffix: str) -> None:
        assert suffix_of(Fetched(address, kind, "", data)) == suffix

    @given(st.text(max_size=300), st.sampled_from([".html", ".pdf"]))
    def test_whatever_the_title_is_the_name_is_no_path(self, title: str, suffix: str) -> None:
        name = file_name("https://www.courier.test/a/b.html", title, suffix)
        assert name.startswith("courier.test - ")
        assert not set(name) & set("/\\\n")

    @pytest.mark.parametrize("charset", ["windows-1251", "utf-8", "utf-16", "koi8-r", "", "unknown-8"])
    def test_a_page_reads_the_same_whatever_encoding_the_server_names(self, charset: str) -> None:
        markup = ARTICLE.replace("The ferry", "Паром")
        encoded = markup.encode(charset if charset not in ("", "unknown-8") else "utf-8")
        data = noted(Fetched("https://a.test/", "text/html", charset, encoded), ".html", "2031-05-06")
        article = parse("a.html", data)
        assert article.text == parse("a.html", markup.encode()).text
        assert article.source == "https://a.test/"

    @pytest.mark.parametrize("charset", ["punycode", "punycode!", "idna"])
    def test_an_encoding_of_names_is_not_asked_for_a_page(self, charset: str) -> None:
        data = b"-egbpdaj6bu4bxfgehfvwxn"  # each letter is set in among those before, which grows with the square
        assert noted(Fetched("https://a.test/", "text/html", charset, data), ".html", "2031-05-06").endswith(data)

    @pytest.mark.parametrize("suffix", [".txt", ".md"])
    def test_plain_text_gets_its_address_too(self, suffix: str) -> None:
        text = f"Ferry returns to the bay\n\n{SENTENCES}\n\n{SENTENCES.replace('day', 'week')}"
        data = noted(Fetched("https://a.test/ferry", "text/plain", "utf-8", text.encode()), suffix, "2031-05-06")
        article = parse(f"a{suffix}", data)
        assert (article.source, article.title) == ("https://a.test/ferry", "Ferry returns to the bay")
        assert article.text == parse(f"a{suffix}", text.encode()).text

    def test_other_formats_stay_as_they_came(self) -> None:
        data = b"%PDF-1.4\n\xe2\xe3"
        assert noted(Fetched("https://a.test/a.pdf", "application/pdf", "", data), ".pdf", "2031-05-06") == data

    def test_the_address_is_taken_from_pages_that_a_browser_saved(self) -> None:
        note = "<!DOCTYPE html>\n<!-- saved from url=(0027)https://courier.test/2031/a -->\n"
        assert parse("a.html", (note + ARTICLE).encode()).source == "https://courier.test/2031/a"
        assert parse("a.html", ARTICLE.encode()).source == "https://elsewhere.test/copied"


class TestTerminal:
    @pytest.fixture(autouse=True)
    def at_home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        write_articles(tmp_path / "news", ARTICLES)
        monkeypatch.chdir(tmp_path)
        for name, value in {
            "ARTICLES": "news",
            "INDEX": "index",
            "EMBEDDER": "hashing",
            "PRIVATE_ADDRESSES": "on",
        }.items():
            monkeypatch.setenv(f"RAG_{name}", value)

    def run(self, *arguments: str) -> Any:
        return CliRunner().invoke(cli, ["add", *arguments])

    def test_a_page_is_added_and_can_be_asked(self, site: Site) -> None:
        done = self.run(site.url + "/ferry")
        assert done.exit_code == 0, done.output
        assert f"added: {site.url}/ferry: 127.0.0.1 - Ferry returns to the bay.html" in done.output
        assert "4 articles" in done.output
        assert "kept: " in self.run(site.url + "/ferry").output

    def test_a_list_of_addresses_goes_on_past_what_fails(self, site: Site, tmp_path: Path) -> None:
        listed = f"\ufeff# to read\n{site.url}/none\n\n  {site.url}/ferry\nftp://a.test/\n{site.url}/ferry\n"
        (tmp_path / "urls.txt").write_text(listed, "utf-8")
        done = self.run("--file", "urls.txt", "--json")
        assert done.exit_code == 2
        told = json.loads(done.output)
        assert [each["state"] for each in told["addresses"]] == ["failed", "added", "failed"]
        assert all("; " in each["reason"] for each in told["addresses"] if "reason" in each)
        assert told["changes"]["articles"] == 4

    @pytest.mark.parametrize("arguments", [(), ("--file", "none.txt"), ("--file", "news")])
    def test_without_addresses_it_is_a_wrong_command(self, arguments: tuple[str, ...]) -> None:
        done = self.run(*arguments)
        assert getattr(done.exception, "exit_code", done.exit_code) == 64

    def test_a_file_instead_of_an_address_is_told_apart(self, tmp_path: Path) -> None:
        (tmp_path / "urls.txt").write_text("https://a.test/")
        done = self.run("urls.txt")
        assert getattr(done.exception, "exit_code", done.exit_code) == 64
        assert "--file" in f"{done.output}{getattr(done.exception, 'message', '')}"
        assert "no address" in self.run("x" * 5000).output

    def test_where_all_fail_nothing_is_built(self, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAG_PRIVATE_ADDRESSES", "off")
        done = self.run(site.url + "/ferry")
        assert done.exit_code == 2
        assert "private network" in done.output
        assert site.asked == []
        assert not (tmp_path / "index").exists()


class TestPage:
    def library(self, articles: Path, hashing: Embedder, private: str) -> tuple[Library, list[str]]:
        from rag.chatbot import Chatbot
        from rag.web.keeper import Keeper
        from rag.web.opening import Opening

        settings = Settings(articles, articles.parent / "index", embedder="hashing", private_addresses=private)
        opening = Opening(lambda _: Chatbot.open(settings, embedder=hashing))
        keeper = Keeper(opening, dict)
        return Library(opening, keeper, settings), []

    def test_an_address_becomes_a_file(self, articles: Path, hashing: Embedder, site: Site) -> None:
        library, _ = self.library(articles, hashing, "on")
        name = "127.0.0.1 - Ferry returns to the bay.html"
        address = f"{site.url}/ferry".encode()
        assert library.collect("", address) == {"name": name, "renamed": False, "known": False}
        assert (articles / name).exists()
        assert library.collect("", address)["known"]

    @pytest.mark.parametrize("sent", [b"", b"x", b"http://[", b"\xff\xfe", b"https://a.test/" + b"x" * 100_000])
    def test_what_is_no_address_is_refused(self, articles: Path, hashing: Embedder, sent: bytes) -> None:
        library, _ = self.library(articles, hashing, "on")
        with pytest.raises(AddressError):
            library.collect("", sent)

    def test_visitors_do_not_get_into_the_network_through_it(
        self, articles: Path, hashing: Embedder, site: Site
    ) -> None:
        library, _ = self.library(articles, hashing, "off")
        before = sorted(articles.rglob("*"))
        with pytest.raises(AddressError, match="private network"):
            library.collect("", f"{site.url}/ferry".encode())
        assert site.asked == []
        assert sorted(articles.rglob("*")) == before


def test_every_error_is_ours(site: Site) -> None:
    assert issubclass(AddressUnreachable, AddressError)
    assert issubclass(AddressError, FootnoteError)
