"""``rag account token``: let a program in with a token in place of a password."""

from __future__ import annotations

import click

from rag.doors.options import accounts_file, auth_option


@click.command("token", epilog="Example: rag account token ana --auth accounts.txt")
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
