"""Commands of the page: chat, feedback, account."""

from __future__ import annotations

import secrets
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from rag.doors.options import Setting, accounts_file, auth_option, json_option, serving_options
from rag.doors.printing import plain, plural, print_json, save
from rag.errors import MissingExtra
from rag.settings import Settings


@click.command(epilog="Example: rag chat --articles ~/reporting --browser")
@serving_options
@click.option("--browser", is_flag=True, help="Open the page in a browser.")
def chat(browser: bool, allowed_hosts: tuple[str, ...], **changes: Any) -> None:
    """Serve the chat page and print its address; Ctrl+C ends it."""
    try:
        import ui
    except ModuleNotFoundError as error:
        if error.name not in ("ui", "gradio"):
            raise
        raise MissingExtra('the chat page needs gradio; run: pip install "footnote-rag[ui]"') from None
    ui.launch(Settings.from_environment(allowed_hosts=",".join(allowed_hosts) or None, **changes), browser)


@click.command(epilog="Example: rag feedback questions.jsonl")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--data",
    cls=Setting,
    setting="data",
    shown="a folder of your data for each folder of articles",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder feedback is kept in.",
)
def feedback(file: Path, data: Path | None) -> None:
    """Write what readers said of answers into FILE, as questions for rag eval."""
    from rag.web.feedback import Feedback

    questions = Feedback(Settings.from_environment(data=data).data).everyones_questions()
    save(file, questions.text.encode())
    click.echo(plural(questions.count, "question"))
    if questions.damaged:
        click.echo(f"{questions.damaged:,} could not be read", err=True)
        sys.exit(2)


@click.group(epilog="Example: rag account add ana --auth accounts.txt")
def account() -> None:
    """Make, remove and list the accounts of those who may log in to the page."""


@account.command("add", epilog="Example: rag account add ana --auth accounts.txt")
@click.argument("name")
@auth_option
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def add_account(name: str, accounts: str | None, password_stdin: bool) -> None:
    """Make an account called NAME, or give it a new password, which is asked for twice."""
    from rag.web.accounts import PasswordHash, check_name, check_password, read_accounts, write_accounts

    name, path = check_name(name), accounts_file(accounts)
    known = read_accounts(path) if path.exists() else {}
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt="The same again")
    account = known[name].account if name in known else secrets.token_hex(8)
    write_accounts(path, {**known, name: replace(PasswordHash.of(check_password(password)), account=account)})
    click.echo(
        f"{name} {'has a new password' if name in known else 'can log in'}: rag chat --auth {plain(str(accounts or path))}"
    )


@account.command("remove", epilog="Example: rag account remove ana --auth accounts.txt")
@click.argument("name")
@auth_option
def remove_account(name: str, accounts: str | None) -> None:
    """Remove the account called NAME; whoever uses it is logged out."""
    from rag.errors import AccountsError
    from rag.web.accounts import read_accounts, write_accounts

    path = accounts_file(accounts)
    known = read_accounts(path)
    if known.pop(name, None) is None:
        raise AccountsError("there is no account of that name; see: rag account list --auth FILE")
    write_accounts(path, known)
    click.echo(f"{plain(name)} is removed; whoever gets the name next sees none of its conversations")


@account.command("list", epilog="Example: rag account list --auth accounts.txt")
@auth_option
@json_option
def list_accounts(accounts: str | None, as_json: bool) -> None:
    """List the names of all accounts."""
    from rag.web.accounts import read_accounts

    names = sorted(read_accounts(accounts_file(accounts)))
    if as_json:
        print_json(names)
    for name in () if as_json else names:
        click.echo(name)


@account.command("token", epilog="Example: rag account token ana --auth accounts.txt")
@click.argument("name")
@auth_option
@click.option("--revoke", is_flag=True, help="End the token of NAME.")
def token(name: str, accounts: str | None, revoke: bool) -> None:
    """Make a token for programs of the account NAME and print it, this once; the one before ends.

    A program sends it as "Authorization: Bearer TOKEN", which is what an OpenAI client does with its API key. It ends
    with the account, with a new password, and with --revoke.
    """
    from rag.doors.bearer import make_token, revoke_token

    file = accounts_file(accounts)
    if revoke:
        revoke_token(file, name)
        click.echo("the token is revoked")
    else:
        click.echo(make_token(file, name))
