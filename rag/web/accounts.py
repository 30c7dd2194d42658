"""Keep who may log in. A file of names and password hashes, made with ``rag account add``, and patience with wrong
ones.

One account a line, ``name:scrypt$n$r$p$salt$hash$account``: salt and hash in base64, ``account`` a random id, which older
files lack. Empty lines and lines that begin with # are passed over. The file is read again when it changes, so that adding
and removing need no restart.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import re
import secrets
import stat
import threading
import time
import unicodedata
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rag.errors import AccountsError
from rag.web.queueing import Turns

# The OWASP Password Storage Cheat Sheet gives these as equal: n=2^17 p=1 (128 MiB), 2^16 p=2, 2^15 p=3 (32 MiB), 2^14 p=5.
N, R, P = 2**15, 8, 3
_MOST_MEMORY = 256 * 1024 * 1024
_LONGEST_FILE = 1024 * 1024
_NAME = re.compile(r"[\w.@+-]{1,64}")
SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 1000


@dataclass(frozen=True, slots=True, repr=False)
class PasswordHash:
    """What is kept of a password: enough to recognise it, not enough to tell it.

    >>> kept = PasswordHash.of("correct horse", n=16)
    >>> kept.fits("correct horse"), kept.fits("wrong horse")
    (True, False)
    >>> PasswordHash.parse(str(kept)) == kept
    True
    """

    n: int
    r: int
    p: int
    salt: bytes
    hash: bytes
    account: str = ""
    """Tells accounts apart that have the name one after the other; empty in older files."""

    @classmethod
    def of(cls, password: str, n: int = N, r: int = R, p: int = P) -> PasswordHash:
        """Hash a password with a new salt. Takes some tenths of a second and 32 MiB."""
        salt = secrets.token_bytes(16)
        return cls(n, r, p, salt, _scrypt(password, n, r, p, salt))

    @classmethod
    def parse(cls, text: str) -> PasswordHash:
        """Return the hash as ``str`` writes it; raises ValueError."""
        kind, n, r, p, salt, digest, *account = text.split("$")
        salted, hashed = (b64decode(each, validate=True) for each in (salt, digest))
        found = cls(int(n), int(r), int(p), salted, hashed, *account)
        costs = found.n > 1 and found.n & (found.n - 1) == 0 and found.r > 0 and 0 < found.p <= 64
        if kind != "scrypt" or not costs or 128 * found.n * found.r > _MOST_MEMORY:
            raise ValueError("these are no parameters of scrypt")
        if len(found.salt) < 8 or len(found.hash) != 32:
            raise ValueError("the salt or the hash is cut")
        if not re.fullmatch(r"[0-9a-f]{0,32}", found.account):
            raise ValueError("this is no account's id")
        return found

    def __str__(self) -> str:
        parts = (self.n, self.r, self.p, b64encode(self.salt).decode(), b64encode(self.hash).decode())
        return "$".join(("scrypt", *map(str, parts), *filter(None, (self.account,))))

    def fits(self, password: str) -> bool:
        """Tell whether this is the password's hash. How long that takes does not depend on the answer.

        One with a NUL never fits: scrypt's HMAC (RFC 2104) fills short keys with them, so "a" and "a\\0" hash alike.
        """
        same = hmac.compare_digest(_scrypt(password, self.n, self.r, self.p, self.salt), self.hash)
        return same and "\0" not in password


def _scrypt(password: str, n: int, r: int, p: int, salt: bytes) -> bytes:
    data = unicodedata.normalize("NFC", password).encode(
        "utf-8", "surrogatepass"
    )  # keyboards differ in how they write é
    return hashlib.scrypt(data, salt=salt, n=n, r=r, p=p, maxmem=2 * _MOST_MEMORY, dklen=32)


def check_name(name: str) -> str:
    """Return the name of an account. Raises AccountsError for what cannot be one.

    >>> check_name("maren")
    'maren'
    >>> check_name("maren tolk")
    Traceback (most recent call last):
    rag.errors.AccountsError: a name has 1 to 64 letters, digits or . @ + - _; choose such a name
    """
    if not _NAME.fullmatch(name):
        raise AccountsError("a name has 1 to 64 letters, digits or . @ + - _; choose such a name")
    return name


def check_password(password: str) -> str:
    """Return a new password. Raises AccountsError, without repeating it, where it is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountsError(
            f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; choose a longer one, such as four words"
        )
    return password


def read_accounts(path: Path) -> dict[str, PasswordHash]:
    """Read the accounts in a file, by name. Raises AccountsError with the number of a wrong line, never its words."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_LONGEST_FILE + 1)
        lines = data.decode("utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        problem = "is no text" if isinstance(error, UnicodeError) else (error.strerror or "cannot be read").lower()
        raise AccountsError(
            "the accounts {name}: {problem}; make them with: rag account add NAME --auth FILE",
            name=path.name,
            problem=problem,
        ) from None
    if len(data) > _LONGEST_FILE:
        raise AccountsError(
            "the accounts {name}: longer than 1 MB; name the right file with --auth or RAG_ACCOUNTS", name=path.name
        )
    found: dict[str, PasswordHash] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, kept = line.strip().partition(":")
        try:
            known = check_name(name) in found
            found[name] = PasswordHash.parse(kept)
        except (ValueError, AccountsError):
            raise AccountsError(
                "the accounts {name}, line {number}: damaged; remove it and run: rag account add NAME --auth FILE",
                name=path.name,
                number=number,
            ) from None
        if known:
            raise AccountsError(
                "the accounts {name}, line {number}: a second account of one name; remove one of them",
                name=path.name,
                number=number,
            )
    return found


def write_accounts(path: Path, accounts: Mapping[str, PasswordHash | str]) -> None:
    """Write the file anew, whole or not at all, readable by its owner alone. Raises AccountsError."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    text = "".join(f"{name}:{kept}\n" for name, kept in sorted(accounts.items()))
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        problem = (error.strerror or "cannot be written").lower()
        raise AccountsError(
            "the accounts {name}: {problem}; name another file with --auth or RAG_ACCOUNTS",
            name=path.name,
            problem=problem,
        ) from None


def open_to_others(path: Path) -> bool:
    """Tell whether other users of this machine may read the file."""
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


class Accounts:
    """The accounts of a page that is being served. Safe to use from any thread.

    Raises AccountsError where the file cannot be used or holds no account. Should it be damaged later, nobody is known.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen = self._look()
        self._accounts = read_accounts(path)
        if not self._accounts:
            raise AccountsError(
                "the accounts {name}: there are none; make one with: rag account add NAME --auth FILE", name=path.name
            )
        # Who does not exist is compared with this at the same cost, so that the time an answer takes does not tell.
        one = next(iter(self._accounts.values()))
        self._nobody = PasswordHash.of(secrets.token_hex(16), one.n, one.r, one.p)
        self._by_name, self._by_address = Patience(FREE_TRIES, clock), Patience(FREE_TRIES_OF_ADDRESS, clock)
        self._turns = Turns(AT_ONCE, AT_ONCE, WAITING, newest_first=True)

    def of(self, name: str) -> PasswordHash | None:
        """Return what is kept of the password of that name now; ``None`` where there is no such account."""
        return self._current().get(name)

    def owner(self, name: str) -> str:
        """Return what an account's conversations are kept under: a name given anew is another account."""
        kept = self.of(name)
        return f"{name}#{kept.account}" if kept is not None and kept.account else name

    async def login(self, name: str, password: str, address: str = "") -> bool:
        """Return whether name and password fit; ``False`` also while they have to wait after wrong ones.

        Raises Busy where too many from that address wait to be compared.
        """
        if len(name) > 64 or len(password) > LONGEST_PASSWORD:
            return False
        tried = ((self._by_name, f"{address} {name}"), (self._by_address, address))
        async with self._turns.turn(address):
            if not all(patience.allows(key) for patience, key in tried):
                return False
            fits = await asyncio.to_thread(self._fits, name, password)
            for patience, key in tried:
                patience.count(key, fits)
        return fits

    def _fits(self, name: str, password: str) -> bool:
        kept = self._current().get(name)
        return (kept or self._nobody).fits(password) and kept is not None

    def _current(self) -> Mapping[str, PasswordHash]:
        seen = self._look()
        with self._lock:
            if seen != self._seen:
                self._seen = seen
                try:
                    self._accounts = read_accounts(self._path)
                except AccountsError:
                    self._accounts = {}
            return self._accounts

    def _look(self) -> tuple[int, int, int] | None:
        try:
            state = self._path.stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_size, state.st_ino


AT_ONCE = 1
"""How many passwords are compared at once: each keeps a core busy for some tenths of a second."""
WAITING = 20
"""How many more of one address may wait for that; then its oldest is turned away."""
FREE_TRIES = 5
"""Wrong passwords of one name from one address that cost no time; then a second, two, four, up to ``LONGEST_WAIT``."""
FREE_TRIES_OF_ADDRESS = 50
"""The same for all names from one address."""
LONGEST_WAIT = 60.0
REMEMBERED = 1000
"""Of how many names or addresses the wrong passwords are counted; the one that was tried longest ago is forgotten first."""


class Patience:
    """Count wrong passwords by a key, such as address and name. Nobody locks out who comes from elsewhere.

    A key may be tried again after a wait that doubles with each wrong password; a right one, or an hour, forgets them.
    """

    def __init__(self, free: int = FREE_TRIES, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = free
        self._clock = clock
        self._tried: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def allows(self, key: str) -> bool:
        """Return whether the key may be tried now."""
        wrong, last = self._tried.get(key, (0, 0.0))
        since = self._clock() - last
        if since > 3600:
            self._tried.pop(key, None)
            wrong = 0
        return wrong < self._free or since >= min(2.0 ** min(wrong - self._free, 10), LONGEST_WAIT)

    def count(self, key: str, right: bool) -> None:
        """Count a try."""
        wrong, _ = self._tried.pop(key, (0, 0.0))
        if not right:
            self._tried[key] = (wrong + 1, self._clock())
            while len(self._tried) > REMEMBERED:
                self._tried.popitem(last=False)
