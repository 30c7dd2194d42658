"""The terminal door: rag build, add, ask, search, check, quote, chat, account, models, eval, timeline, status, verify …

Exit codes: 0 done · 1 something went wrong · 2 done, but some files or questions failed · 3 no answer was found ·
64 a wrong option or question · 75 another build is running · 130 interrupted.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import sys
import unicodedata
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from textwrap import fill, shorten
from typing import TYPE_CHECKING, Any

import click

from rag.doors.doctor import doctor
from rag.errors import ArticlesError, FootnoteError, IndexCorrupt, MissingExtra, SettingsError
from rag.settings import Settings
from rag.types import DOUBTS, spoken_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from rag.chatbot import Chatbot
    from rag.draft.report import Line
    from rag.index import Index
    from rag.retrieve import Found
    from rag.timeline import Entry
    from rag.types import Answer, Changes, FileReason, Hit, Progress, Sentence
    from rag.web.accounts import PasswordHash

log = logging.getLogger(__name__)

DIFFERS, FAILED_FILES, REFUSED, INTERRUPTED = 1, 2, 3, 130
MOST_NEAREST = 3
"""How many passages are named where no answer was found."""
MOST_CHARACTERS = 160
"""How much is printed of a passage that is only named."""
click.UsageError.exit_code = 64


def _folders(command: Callable[..., Any]) -> Callable[..., Any]:
    folder = click.Path(path_type=Path)
    index = "The index's folder [RAG_INDEX, one of your cache for each folder of articles]."
    command = click.option("--index", type=folder, help=index)(command)
    return click.option("--articles", type=folder, help="The folder of articles [RAG_ARTICLES, seeds].")(command)


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def _scope(command: Callable[..., Any]) -> Callable[..., Any]:
    day = click.DateTime(["%Y-%m-%d"])
    for option in (
        click.option("--until", type=day, help="Only articles published until this day, YYYY-MM-DD."),
        click.option("--since", type=day, help="Only articles published since this day, YYYY-MM-DD."),
        click.option("--outlet", "outlets", multiple=True, help="Only articles of this outlet; may be repeated."),
    ):
        command = option(command)
    return command


_auth = click.option(
    "--auth",
    "accounts",
    type=click.Path(),
    metavar="FILE",
    help="The accounts that may log in [RAG_ACCOUNTS, no login].",
)
_model = click.option("--model", help="What writes the answer, as `rag models` names it [RAG_MODEL, extractive].")
_k = click.option("-k", type=click.IntRange(1, 1000), help="How many passages to find [RAG_K, 8].")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="footnote-rag", prog_name="rag")
def cli() -> None:
    """Ask a folder of articles; every sentence of the answer carries a quote that stands in an article."""


@cli.command()
@_folders
@click.option("--fresh", is_flag=True, help="Start from nothing instead of from the existing index.")
@_json
def build(articles: Path | None, index: Path | None, fresh: bool, as_json: bool) -> None:
    """Build the index, or bring it up to date: only what changed is read and embedded."""
    from rag.build import build as build_index

    settings = Settings.from_environment(articles=articles, index=index)
    with _progress() as on_progress:
        changes = build_index(settings, on_progress=on_progress, fresh=fresh)
    if as_json:
        _print_json({**asdict(changes), "seen": changes.seen, "indexed": changes.indexed})
    else:
        _print_changes(changes)
    if changes.failed:
        sys.exit(FAILED_FILES)


@cli.command()
@click.argument("addresses", nargs=-1, metavar="[URL]...")
@click.option(
    "--file", type=click.Path(path_type=Path), help="A file with more addresses, one a line; # begins a remark."
)
@_folders
@_json
def add(
    addresses: tuple[str, ...], file: Path | None, articles: Path | None, index: Path | None, as_json: bool
) -> None:
    """Save what each URL gives as a file in the folder of articles, and bring the index up to date.

    One web page, PDF or other document that is read here for each; nothing on a page is followed or run.
    """
    from rag.build import build as build_index
    from rag.read import MEGABYTE
    from rag.web.collect import collect
    from rag.web.shelf import Shelf

    settings = Settings.from_environment(articles=articles, index=index)
    for address in addresses:
        if os.path.isfile(address):  # noqa: PTH113 - a long address is no error here
            raise click.UsageError(
                f"{Path(address).name} is a file: put articles into the folder, and name a list of addresses with --file"
            )
    wanted = list(dict.fromkeys((*addresses, *(_lines(file) if file is not None else ()))))
    if not wanted:
        raise click.UsageError("name the addresses of articles, or a file of them with --file")
    shelf = Shelf(settings.articles, settings.max_file_megabytes * MEGABYTE)
    shelf.check_writable()
    results = []
    for address in wanted:
        try:
            taken = collect(shelf, address, private=settings.private_addresses == "on")
            results.append({"address": address, "state": "kept" if taken.known else "added", "id": taken.name})
        except FootnoteError as error:
            results.append({"address": address, "state": "failed", "reason": str(error)})
        if not as_json:
            last = results[-1]
            click.echo(_plain(f"  {last['state']}: {address}: {last.get('id') or last['reason']}"))
    failed = any(each["state"] == "failed" for each in results)
    changes = None
    if any(each["state"] != "failed" for each in results):
        with _progress() as on_progress:
            changes = build_index(settings, on_progress=on_progress)
    if as_json:
        _print_json({"addresses": results, "changes": changes and asdict(changes)})
    elif changes:
        _print_changes(changes)
    if failed or (changes and changes.failed):
        sys.exit(FAILED_FILES)


def _lines(file: Path) -> list[str]:
    """Return the lines of a file of addresses, without remarks."""
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"{file.name} cannot be read as text; name another with --file") from error
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


@cli.command()
@click.argument("question")
@_folders
@_model
@_scope
@_k
@_json
def ask(
    question: str,
    articles: Path | None,
    index: Path | None,
    model: str | None,
    k: int | None,
    as_json: bool,
    **narrowed: Any,
) -> None:
    """Answer QUESTION from the articles, every sentence with its quote."""
    from rag.retrieve import check_question, check_scope  # a question that cannot be asked must not wait for a build

    question, scope = check_question(question), check_scope(**_narrowing(**narrowed)) or None
    with _opened(articles, index, model, reads=True) as chatbot, _draft() as show:
        for answer in chatbot.stream(question, k=k, scope=scope):
            show(answer)
    if as_json:
        _print_json(answer.to_dict())
    else:
        _print_answer(answer)
    if answer.refused:
        sys.exit(REFUSED)


@cli.command()
@click.argument("question")
@_folders
@_scope
@_k
@click.option("--explain", is_flag=True, help="Show what was searched, and what was left out and why, as well.")
@_json
def search(
    question: str,
    articles: Path | None,
    index: Path | None,
    k: int | None,
    explain: bool,
    as_json: bool,
    **narrowed: Any,
) -> None:
    """Find the passages nearest to QUESTION, and why each was found."""
    from rag.retrieve import check_question

    question = check_question(question)
    with _opened(articles, index) as chatbot:
        found = chatbot.find(question, k, **_narrowing(**narrowed))
    if found.notice and not explain:
        click.echo(found.notice, err=True)
    if as_json:
        _print_json({**asdict(found), "question": question} if explain else [asdict(hit) for hit in found.hits])
        return
    for number, hit in enumerate(found.hits, start=1):
        _print_hit(number, hit)
    if explain:
        _print_search(found)


@cli.command("check")
@click.argument("draft", metavar="DRAFT")
@_folders
@click.option("--html", "report", type=click.Path(path_type=Path), help="Write a report for a browser into this file.")
@_json
def check_draft(draft: str, articles: Path | None, index: Path | None, report: Path | None, as_json: bool) -> None:
    """Check each sentence and each quotation of DRAFT (.txt, .md, .docx, or - for standard input).

    A sentence is found, differs (its number, name, date, quotation, negation, speaker or wording; the article's words stand
    under it) or is not in the articles; a quotation is verbatim, altered, [-its letters-]{+the article's+}, or not found.

    Exit code: 0 nothing differs and nothing is missing, 1 something does, 64 wrong use.
    """
    from rag.draft import report as reports
    from rag.draft.checking import checked_draft
    from rag.draft.file import draft_text, read_draft

    text = draft_text("draft", sys.stdin.buffer.read()) if draft == "-" else read_draft(Path(draft))
    text = checked_draft(text)  # a draft that cannot be checked must not wait for a build
    with _opened(articles, index) as chatbot:
        checked = chatbot.check(text)
    if report is not None:
        name = "Draft" if draft == "-" else Path(draft).name
        try:
            report.write_text(reports.page(checked, name), "utf-8")
        except OSError as error:
            raise SettingsError(f"{report.name} cannot be written ({error.strerror}); name another file") from error
    if as_json:
        _print_json(reports.as_json(checked))
    else:
        _print_lines(reports.lines(checked))
    if not checked.clean:
        sys.exit(DIFFERS)


@cli.command("quote")
@click.argument("words", metavar="WORDS")
@_folders
@_json
def find_quotation(words: str, articles: Path | None, index: Path | None, as_json: bool) -> None:
    """Tell where WORDS stand in the articles, also where they are altered; "…" stands for what was left out.

    Exit code: 0 verbatim, 1 altered or not found, 64 wrong use.
    """
    from rag.draft import report as reports
    from rag.draft.checking import checked_words

    words = checked_words(words)
    with _opened(articles, index) as chatbot:
        found = chatbot.quote(words)
    if as_json:
        _print_json(reports.quotation_as_json(found))
    else:
        _print_lines(reports.quotation_lines(found))
    if found.status != "verbatim":
        sys.exit(DIFFERS)


@cli.command()
@_folders
@click.option("--host", help="The address to listen on [RAG_HOST, 127.0.0.1].")
@click.option("--port", type=click.IntRange(1, 65535), help="The port, or the next free one [RAG_PORT, 7860].")
@click.option("--browser", is_flag=True, help="Open the page in a browser.")
@click.option("--watch", flag_value="on", help="Follow the folder: take changes in as they happen [RAG_WATCH, off].")
@_auth
@click.option("--root-path", metavar="PATH", help="Where a proxy shows the page, such as /news [RAG_ROOT_PATH].")
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="A further name it may be reached under, such as a proxy's; may be repeated [RAG_ALLOWED_HOSTS].",
)
@_model
def chat(browser: bool, allowed_hosts: tuple[str, ...], **changes: Any) -> None:
    """Serve the chat page and print its address; Ctrl+C ends it."""
    try:
        import ui
    except ModuleNotFoundError as error:
        if error.name not in ("ui", "gradio"):
            raise
        raise MissingExtra('the chat page needs gradio; run: pip install "footnote-rag[ui]"') from None
    ui.launch(Settings.from_environment(allowed_hosts=",".join(allowed_hosts) or None, **changes), browser)


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The folder feedback is kept in [RAG_DATA].",
)
def feedback(file: Path, data: Path | None) -> None:
    """Writes what readers said of answers into FILE, as questions for rag eval."""
    from rag.web.feedback import Feedback

    questions = Feedback(Settings.from_environment(data=data).data).everyones_questions()
    try:
        file.write_text(questions.text, "utf-8")
    except OSError as error:
        raise SettingsError(f"{file.name} cannot be written ({error.strerror}); name another file") from error
    click.echo(f"{questions.count:,} question{'s' * (questions.count != 1)}")
    if questions.damaged:
        click.echo(f"{questions.damaged:,} could not be read", err=True)
        sys.exit(2)


@cli.group()
def account() -> None:
    """Make, remove and list the accounts of those who may log in to the page."""


@account.command("add")
@click.argument("name")
@_auth
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def add_account(name: str, accounts: str | None, password_stdin: bool) -> None:
    """Make an account called NAME, or give it a new password, which is asked for twice."""
    from rag.web.accounts import PasswordHash, check_name, check_password, write_accounts

    name, path = check_name(name), _accounts_file(accounts)
    known = _known_accounts(path)
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt="The same again")
    account = known[name].account if name in known else secrets.token_hex(8)
    write_accounts(path, {**known, name: replace(PasswordHash.of(check_password(password)), account=account)})
    click.echo(
        f"{name} {'has a new password' if name in known else 'can log in'}: rag chat --auth {_plain(str(accounts or path))}"
    )


@account.command("remove")
@click.argument("name")
@_auth
def remove_account(name: str, accounts: str | None) -> None:
    """Remove the account called NAME; whoever uses it is logged out."""
    from rag.errors import AccountsError
    from rag.web.accounts import read_accounts, write_accounts

    path = _accounts_file(accounts)
    known = read_accounts(path)
    if known.pop(name, None) is None:
        raise AccountsError("there is no account of that name; see: rag account list --auth FILE")
    write_accounts(path, known)
    click.echo(f"{_plain(name)} is removed; the conversations of that name wait for whoever gets it next")


@account.command("list")
@_auth
@_json
def list_accounts(accounts: str | None, as_json: bool) -> None:
    """List the names of all accounts."""
    from rag.web.accounts import read_accounts

    names = sorted(read_accounts(_accounts_file(accounts)))
    if as_json:
        _print_json(names)
    for name in () if as_json else names:
        click.echo(name)


def _accounts_file(given: str | None) -> Path:
    path = given or Settings.from_environment().accounts
    if not path:
        raise click.UsageError("name the file of accounts with --auth FILE or RAG_ACCOUNTS")
    return Path(path).expanduser()


def _known_accounts(path: Path) -> dict[str, PasswordHash]:
    from rag.web.accounts import read_accounts

    return read_accounts(path) if path.exists() else {}


@cli.command()
@_json
def models(as_json: bool) -> None:
    """List the models that can write answers: what runs on this machine, and for which services a key is set."""
    from rag.chat.reachable import reachable

    found = reachable()
    if as_json:
        _print_json([asdict(each) for each in found])
        return
    for each in found:
        name = each.service if each.service == "extractive" else f"{each.service}:NAME"
        click.echo(f"{name:<18} {_plain(each.state)}")
        for name in each.models:
            click.echo(f"  {each.service}:{_plain(name)}")
    click.echo("Choose one with RAG_MODEL or --model; without one, answers are sentences of the articles.")


@cli.command("timeline")
@click.argument("topic")
@_folders
@_scope
@_json
def show_timeline(topic: str, articles: Path | None, index: Path | None, as_json: bool, **narrowed: Any) -> None:
    """Quote one line on TOPIC from each article that mentions it, in order of publication."""
    from rag.retrieve import check_question

    topic = check_question(topic)
    with _opened(articles, index) as chatbot:
        entries = chatbot.timeline(topic, **_narrowing(**narrowed))
    if as_json:
        _print_json({"topic": topic, "entries": [_entry(each) for each in entries]})
    for each in () if as_json else entries:
        span = f"characters {each.citation.start} to {each.citation.end}"
        where = ", ".join(filter(None, (each.header.id, each.citation.place, span)))
        click.echo(
            f"{_plain(spoken_date(each.published) or 'undated')} · {_plain(each.header.outlet or each.header.title)}"
        )
        click.echo(f"  “{_plain(' '.join(each.citation.quote.split()))}” [{each.citation.number}]\n  {_plain(where)}")
    if not entries:
        within = " within what it was narrowed to" if any(narrowed.values()) else ""
        click.echo(f"no article{within} mentions “{_plain(topic)}”; try another spelling, or: rag status", err=True)
        sys.exit(REFUSED)


def _entry(entry: Entry) -> dict[str, Any]:
    header, citation = entry.header, entry.citation
    place = {"quote": citation.quote, "start": citation.start, "end": citation.end, "number": citation.number}
    place |= {"place": citation.place} if citation.place else {}
    return {
        "published": entry.published,
        "as_of": header.as_of(),
        "id": header.id,
        "title": header.title,
        "outlet": header.outlet,
        **place,
    }


@cli.command("eval")
@click.argument("questions", type=click.Path(path_type=Path))
@_folders
@_model
@_k
@click.option(
    "--against",
    "others",
    multiple=True,
    metavar="SETTINGS",
    help='Ask again under other settings, such as "k=5 rewrite=rules", and compare; may be repeated.',
)
@_json
def evaluate(
    questions: Path,
    articles: Path | None,
    index: Path | None,
    model: str | None,
    k: int | None,
    others: tuple[str, ...],
    as_json: bool,
) -> None:
    """Ask QUESTIONS with known answers, JSON lines, and count what is found, answered, refused and quoted."""
    from rag.evaluate import changed_settings, evaluate_against, read_questions

    settings = Settings.from_environment(articles=articles, index=index, model=model, k=k)
    against = [changed_settings(settings, changes) for changes in others]
    cases = read_questions(questions)  # a file that cannot be used must not wait for a build
    with _progress() as on_progress:
        report, comparisons = evaluate_against(cases, settings, against, on_progress=on_progress)
    if as_json:
        _print_json({**report.as_json(), "against": [each.as_json() for each in comparisons]})
    else:
        click.echo(_plain("\n\n".join([report.table(), *(each.table() for each in comparisons)])))
    if report.problems or any(each.after.problems for each in comparisons):
        sys.exit(FAILED_FILES)


@cli.command()
@click.argument("file", default="")
@_folders
@_json
def status(file: str, articles: Path | None, index: Path | None, as_json: bool) -> None:
    """Say what is in the index, whether it is up to date, and which files are not in it and why.

    With FILE, an article's file in the folder: what was read of it, and how many words of what kind were left out.
    """
    from rag.build import outdated
    from rag.index import Index

    settings = Settings.from_environment(articles=articles, index=index)
    with closing(Index.open(settings.index, whole=False)) as opened:
        if file:
            _print_file(opened, file, as_json)
            return
        state = {
            "index": str(settings.index),
            "articles": len(opened.headers()),
            "passages": len(opened),
            "embedder": opened.recipe.embedder,
            "outdated": outdated(settings, opened),
            "notice": opened.notice,
            "not_indexed": [{"id": each.id, "reason": each.reason} for each in opened.files.values() if each.reason],
            "incomplete": [{"id": each.id, "notices": each.notices} for each in opened.files.values() if each.notices],
            "headers": [asdict(header) for header in opened.headers()],
        }
    if as_json:
        _print_json(state)
    else:
        _print_status(state)


@cli.command()
@_folders
@_json
def verify(articles: Path | None, index: Path | None, as_json: bool) -> None:
    """Check every byte, vector and span of the index."""
    from rag.index import verify as verify_index

    settings = Settings.from_environment(articles=articles, index=index)
    passages, problems = verify_index(settings.index)
    if as_json:
        _print_json({"passages": passages, "problems": problems})
    else:
        click.echo(f"{passages} passages checked, {len(problems)} problems")
        for problem in problems:
            click.echo(f"  {_plain(problem)}")
    if problems:
        sys.exit(IndexCorrupt.exit_code)


cli.add_command(doctor)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command; every error becomes one line and an exit code, never a traceback unless RAG_LOG is DEBUG."""
    try:
        _log()
        cli(args=arguments, prog_name="rag", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except FootnoteError as error:
        click.echo(f"rag: {_plain(str(error))}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains of the pipe at exit
    except Exception as error:  # a user gets a line, a developer the rest with RAG_LOG=DEBUG
        log.debug("unexpected", exc_info=True)
        click.echo(
            f"rag: something unexpected went wrong ({type(error).__name__}); set RAG_LOG=DEBUG to see more", err=True
        )
        sys.exit(1)


def _log() -> None:
    """Only what is ours is logged more: other libraries name folders in theirs."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    for name in ("rag", "embeddings", "ui"):
        logging.getLogger(name).setLevel(Settings.from_environment().log)


@contextmanager
def _opened(
    articles: Path | None, index: Path | None, model: str | None = None, reads: bool = False
) -> Iterator[Chatbot]:
    from rag.chatbot import Chatbot

    with _progress() as on_progress:
        chatbot = Chatbot.open(articles=articles, index=index, model=model, on_progress=on_progress, reads=reads)
    with closing(chatbot):
        if chatbot.changes is not None:
            click.echo("The index was missing or outdated, so it was built first.", err=True)
            _print_changes(chatbot.changes, err=True)
        if chatbot.notice:
            click.echo(_plain(chatbot.notice), err=True)
        yield chatbot


def _narrowing(outlets: Sequence[str], since: datetime | None, until: datetime | None) -> dict[str, Any]:
    days = tuple(day.date().isoformat() if day else "" for day in (since, until))
    return {"outlets": outlets, "published": days}


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """A progress bar a stage, on a terminal only."""
    from tqdm import tqdm

    bar: tqdm[Any] | None = None
    stage = ""

    def show(progress: Progress) -> None:
        nonlocal bar, stage
        if bar is None or stage != progress.stage:
            if bar is not None:
                bar.close()
            stage = progress.stage
            bar = tqdm(desc=stage, total=progress.total, leave=False, disable=None, file=sys.stderr)
        bar.update(progress.done - bar.n)

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()


@contextmanager
def _draft() -> Iterator[Callable[[Answer], None]]:
    """What a model is writing, on one line of a terminal only: the answer is printed when it has been checked."""
    shown = sys.stderr.isatty()

    def show(answer: Answer) -> None:
        if shown and not answer.complete and answer.model != "extractive":
            width = shutil.get_terminal_size().columns - 1
            text = (
                _plain(" ".join(answer.text.split()))
                or f"{len(answer.hits)} passages found, waiting for {answer.model} …"
            )
            click.echo(f"\r\x1b[K{text[-width:]}", err=True, nl=False)

    try:
        yield show
    finally:
        if shown:
            click.echo("\r\x1b[K", err=True, nl=False)


def _print_changes(changes: Changes, err: bool = False) -> None:
    counts = ", ".join(
        f"{len(getattr(changes, name))} {name}"
        for name in ("added", "changed", "removed", "kept")
        if getattr(changes, name)
    )
    click.echo(
        f"{changes.articles} articles, {changes.passages} passages ({changes.embedded} embedded): {counts or 'nothing'}",
        err=err,
    )
    _print_reasons("skipped", changes.skipped, err)
    _print_reasons("failed", changes.failed, err)
    _print_reasons("incomplete", changes.incomplete, err)


def _print_reasons(what: str, files: tuple[FileReason, ...], err: bool) -> None:
    for each in files:
        click.echo(f"  {what}: {_plain(each.id)}: {_plain(each.reason)}", err=err)


def _print_answer(answer: Answer) -> None:
    if answer.searched:
        click.echo(f"Searched for: {_plain(answer.searched)}\n")
    if answer.understood:
        click.echo(f"Understood: {_plain(' · '.join(answer.understood))}\n")
    click.echo(_with_marks(answer))
    if answer.notice:
        click.echo(f"\n{_plain(answer.notice)}", err=True)
    for hit in answer.hits[:MOST_NEAREST] if answer.state == "none" else ():
        _print_beginning(hit, "Nearest: ")
    for number, quotes in groupby(answer.citations, key=lambda each: each.number):
        for place, citation in enumerate(quotes):
            if place == 0:
                click.echo(f"\n  [{number}] {_plain(citation.hit.document.cited())}")
            span = f"characters {citation.start} to {citation.end}"
            where = ", ".join(filter(None, (citation.hit.passage.document_id, citation.place, span)))
            click.echo(f"      “{_plain(' '.join(citation.quote.split()))}”\n      {_plain(where)}")


def _with_marks(answer: Answer) -> str:
    """The answer's text with bold, in which what no quote carries is marked where it stands."""
    from rag.cite import marked_text

    if not answer.sentences:
        return _plain(answer.text)
    said = marked_text(
        replace(
            each,
            text=_marked(each),
            lead=_plain(each.lead),
            context=_plain(each.context),
            label=_bold(each.label) if each.label else "",
        )
        for each in answer.sentences
    )
    first, _, _ = answer.text.partition("\n")
    return f"{_plain(first)}\n{said}" if answer.state == "closest" else said


def _marked(sentence: Sentence) -> str:
    from rag.web.render import pieces

    parts = []
    for piece in pieces(sentence):
        parts.append(_bold(piece.text) if piece.strong else _plain(piece.text))
        parts += [f" [{DOUBTS.get(piece.doubt, 'in no quote')}]"] * piece.ends
    repaired = " [quotation repaired]" * sentence.repaired
    return "".join(parts) + repaired + " [unsupported]" * (not sentence.supported)


def _bold(text: str) -> str:
    """A text in bold, which is left out again where it is not printed on a terminal."""
    return click.style(_plain(text), bold=True)


def _print_lines(lines: Iterable[Line]) -> None:
    """Print a report, as wide as the terminal; in a pipe each line stays whole and without colour."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for indent, status, text in lines:
        label = f"{status}: " if status else ""
        whole = " " * indent + label + _plain(text)
        shown = fill(whole, max(width, 20), subsequent_indent=" " * (indent + 2)) if width else whole
        start, end = indent, indent + len(label)
        colour = _COLOURS.get(status)
        click.echo(shown[:start] + click.style(shown[start:end], fg=colour) + shown[end:] if colour else shown)


_COLOURS = {
    **dict.fromkeys(("found", "verbatim"), "green"),
    **dict.fromkeys(("differs", "altered"), "yellow"),
    **dict.fromkeys(("not in the articles", "not found"), "red"),
}


def _print_beginning(hit: Hit, before: str) -> None:
    beginning = shorten(hit.passage.text, MOST_CHARACTERS, placeholder="…")
    click.echo(f"  {before}{_plain(hit.document.cited())}\n    {_plain(beginning)}")


def _print_hit(number: int, hit: Hit) -> None:
    why = hit.why
    meaning = f"meaning {why.dense_score:.2f}" if why.dense_score is not None else ""
    by_words = f"words {', '.join(why.matched)}" if why.matched else ""
    also = f"also in {', '.join(each.outlet or each.id for each in hit.also)}" if hit.also else ""
    reasons = " · ".join(part for part in (f"{hit.score:.2f}", meaning, by_words, *why.met, also) if part)
    cited = " · ".join(filter(None, (hit.document.cited(), hit.passage.place)))
    click.echo(f"\n{number}. {_plain(cited)}\n   {_plain(reasons)}")
    click.echo(f"   {_plain(' '.join(hit.passage.text.split()))}")


def _print_search(found: Found) -> None:
    """What was searched, and the best of what was left out."""
    scope = found.scope
    period = " to ".join(day or "…" for day in scope.published) if any(scope.published) else ""
    narrowed = ", ".join((*scope.outlets, *scope.authors, *scope.documents, *filter(None, [period])))
    click.echo(f"\n{found.candidates} passages weighed, {len(found.hits)} shown")
    click.echo(f"  narrowed to: {_plain(narrowed or 'nothing, all articles')}")
    for part in found.parts:
        click.echo(f"  searched for by itself: {_plain(part)}")
    for each in found.dropped:
        _print_beginning(each.hit, f"left out, {each.reason}: ")


def _print_file(index: Index, name: str, as_json: bool) -> None:
    state = index.files.get(unicodedata.normalize("NFC", name)) or index.files.get(name)
    if state is None:
        raise ArticlesError(f"the index knows no file {name}; run: rag status")
    headers = [each for each in index.headers() if each.id == state.id or each.id.startswith(f"{state.id}#")]
    if as_json:
        known = [asdict(header) for header in headers]
        _print_json({"id": state.id, "reason": state.reason, "left_out": state.left_out, "headers": known})
        return
    for header in headers:  # a file of mail holds several articles
        click.echo(_plain(f"{header.id}: {header.line()}"))
    if not headers:
        click.echo(_plain(f"{state.id}: not indexed: {state.reason}"))
    for notice in state.notices:
        click.echo(f"  {_plain(notice)}")
    for kind, words in state.left_out.items():
        click.echo(f"  left out: {kind}, {words} {'word' if words == 1 else 'words'}")
    if headers and not state.left_out:
        click.echo("  left out: nothing")


def _print_status(state: dict[str, Any]) -> None:
    from rag.types import Header

    fresh = "outdated; run: rag build" if state["outdated"] else "up to date"
    click.echo(
        f"{state['articles']} articles, {state['passages']} passages, {fresh} (embedding model: {_plain(state['embedder'])})"
    )
    click.echo(f"index: {_plain(state['index'])}")
    if state["notice"]:
        click.echo(_plain(state["notice"]))
    for header in state["headers"]:
        click.echo(f"  {_plain(header['id'])}: {_plain(Header(**header).line())}")
    for each in state["not_indexed"]:
        click.echo(f"  not indexed: {_plain(each['id'])}: {_plain(each['reason'])}")
    for each in state["incomplete"]:
        click.echo(f"  incomplete: {_plain(each['id'])}: {_plain('; '.join(each['notices']))}")


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


def _plain(text: str) -> str:
    """Text of articles and file names must not steer the terminal."""
    return "".join(character if character.isprintable() or character == "\n" else "�" for character in text)


if __name__ == "__main__":
    main()
