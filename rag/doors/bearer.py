"""Bearer tokens: programs log in with one where people type a password.

Beside the file of accounts lies one of tokens, ``name:hash`` a line: a token is 32 random bytes, so one SHA-256 is enough.
The hash covers the account's password hash too: a new password, or removing the account, ends its token.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path

from rag.errors import AccountsError
from rag.web.accounts import Accounts, PasswordHash, read_accounts, write_accounts
from rag.web.security import OWNER, App, Gate, Receive, Scope, Send, refuse

PREFIX = "footnote_"
"""What a token begins with, for programs that look for secrets in texts."""


def tokens_file(accounts: Path) -> Path:
    """Return the file of tokens that belongs to a file of accounts.

    >>> tokens_file(Path("accounts.txt")).name
    'accounts.txt.tokens'
    """
    return accounts.with_name(f"{accounts.name}.tokens")


def make_token(accounts: Path, name: str) -> str:
    """Make a token for an account, in place of the one before; raises AccountsError."""
    password = read_accounts(accounts).get(name)
    if password is None:
        raise AccountsError("there is no account of that name; see: rag account list --auth FILE")
    token = f"{PREFIX}{secrets.token_urlsafe(32)}"
    path = tokens_file(accounts)
    write_accounts(path, {**_read(path), name: _hash(token, password)})
    return token


def revoke_token(accounts: Path, name: str) -> None:
    """End an account's token; raises AccountsError where it has none."""
    path = tokens_file(accounts)
    known = _read(path)
    if known.pop(name, None) is None:
        raise AccountsError("no account of that name has a token; see: rag account list --auth FILE")
    write_accounts(path, known)


def token_user(scope: Scope, path: Path, accounts: Accounts) -> str | None:
    """Return the account that a request's ``Authorization: Bearer`` belongs to.

    The file of accounts at ``path`` tells where its tokens lie; they are read each time, so that revoking needs no restart.
    """
    sent = next((value for name, value in scope["headers"] if name.lower() == b"authorization"), b"")
    scheme, _, token = sent.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token.startswith(PREFIX):
        return None
    for name, kept in _read(tokens_file(path)).items():
        password = accounts.of(name)
        if password is not None and hmac.compare_digest(_hash(token.strip(), password), kept):
            return name
    return None


def _hash(token: str, password: PasswordHash) -> str:
    return sha256(f"{token}\n{password}".encode()).hexdigest()


def _read(path: Path) -> dict[str, str]:
    """Read a file of tokens. A damaged line opens nothing, and a file that cannot be read is an empty one."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeError):
        return {}
    return {name: kept for name, colon, kept in (line.partition(":") for line in lines) if colon and kept.isascii()}


class TokenGate(Gate):
    """Guard programs' paths as ASGI middleware. The page's gate, which lets programs with a token reach what is theirs.

    ``paths`` are what these begin with; ``open_paths`` need no login. The account goes along as in the gate.
    """

    def __init__(
        self, app: App, accounts: Accounts, file: Path, paths: Collection[str], open_paths: Collection[str]
    ) -> None:
        super().__init__(app, accounts)
        self._file, self._paths, self._open_paths = file, tuple(paths), tuple(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._paths):
            await super().__call__(scope, receive, send)
            return
        user = token_user(scope, self._file, self.accounts) or self._user(scope)
        if user is None and scope["path"] not in self._open_paths:
            await refuse(401, "Send a token as Authorization: Bearer TOKEN; rag account token NAME makes one.", send)
            return
        await self.app({**scope, OWNER: self.accounts.owner(user) if user else ""}, receive, send)

    def _user(self, scope: Scope) -> str | None:
        return (
            super()._user(scope) if hasattr(scope["app"], "cookie_id") else None
        )  # without gradio there are no sessions
