"""Every default, in one frozen value; the environment can change each of them. Nothing is built here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, get_type_hints

from rag.errors import SettingsError

_BY_ARTICLES = Path()
"""Stands for a folder that is chosen by the folder of articles; told from others by identity."""
_HERE = Path(__file__).parent
EXAMPLES = next(filter(Path.is_dir, (_HERE / "seeds", _HERE.parent / "seeds")), _HERE / "seeds")
"""The articles that came with the program: installed beside this file, or in its repository."""
_KINDS: dict[object, tuple[type | tuple[type, ...], str]] = {
    "Path": ((str, Path), "the path of a folder"),
    "str": (str, "text"),
    "int": (int, "a whole number"),
}

_CHOICES = {
    "decompose": ("rules", "model", "off"),
    "rewrite": ("model", "rules", "off"),
    **dict.fromkeys(("conversations", "private_addresses", "watch"), ("on", "off")),
    "log": ("DEBUG", "INFO", "WARNING", "ERROR"),
}


def default_articles() -> Path:
    """Return ``seeds`` in the working directory, else the articles that came with the program."""
    own = Path("seeds")
    return own if own.is_dir() or not EXAMPLES.is_dir() else EXAMPLES


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; the variable ``RAG_`` + name in capitals changes one.

    >>> Settings.from_environment({"RAG_K": "5"}).k
    5
    >>> Settings.from_environment({"RAG_K": "many"})
    Traceback (most recent call last):
    rag.errors.SettingsError: RAG_K must be a whole number, not 'many'; set it to a number such as 8
    """

    articles: Path = field(default_factory=default_articles)
    """The folder of articles; ``seeds`` in the working directory, or the examples that came with the program."""
    index: Path = _BY_ARTICLES
    """The folder the index is kept in; one of the user's cache folder that belongs to the folder of articles. An index in
    Milvus is named ``milvus://HOST:PORT/NAME``, or ``FILE.db`` for Milvus Lite."""
    fallback_index: str = ""
    """The folder of an index that answers while Milvus does not; empty for none."""
    data: Path = _BY_ARTICLES
    """The folder conversations and feedback are kept in; one of the user's data folder that belongs to the articles."""
    conversations: str = "on"
    """Whether the page keeps conversations: ``on`` or ``off``."""
    embedder: str = "bundled"
    """The embedding model: ``bundled`` (multilingual-e5-small), ``minilm`` (English alone), a hub name, a folder, or one
    behind an address: ``ollama:NAME``, ``openai:NAME``, ``https://HOST/v1#NAME``."""
    reranker: str = "off"
    """What orders the best passages anew: ``off``, or a sentence-transformers CrossEncoder (a hub name or a folder)."""
    model: str = "extractive"
    """What writes the answer: ``extractive`` takes sentences from the articles and needs no model; ``ollama:NAME``,
    ``openai:NAME``, ``anthropic:NAME``, ``https://HOST/v1#NAME``, ``local:FOLDER``, ``gguf:FILE`` and more name one."""
    context_tokens: int = 4096
    """How many tokens the model reads and writes for one answer; 4,096 is what Ollama gives a model unasked."""
    first_word_seconds: int = 0
    """How long the model may take to its first word; 0 means 60 on this machine and 30 elsewhere."""
    answer_seconds: int = 180
    """How long the model may take to its last word."""
    decompose: str = "rules"
    """What parts a question that asks for several things: its form (``rules``), the ``model``, or ``off``."""
    rewrite: str = "model"
    """Who completes a follow-up question: ``model`` (rules where there is none), ``rules``, or ``off``."""
    passage_tokens: int = 200
    """About how long a passage is, in tokens."""
    k: int = 8
    """How many passages a question gets."""
    max_file_megabytes: int = 50
    """Larger files are refused."""
    private_addresses: str = "off"
    """Whether articles may be fetched from this machine and from private networks: ``on`` or ``off``."""
    host: str = "127.0.0.1"
    """The address the page listens on."""
    port: int = 7860
    """The page's port."""
    accounts: str = ""
    """The file of those who may log in, as ``rag account add`` writes it; empty where there is no login."""
    allowed_hosts: str = ""
    """Further names under which the page may be reached, separated by commas: those of a proxy in front of it."""
    root_path: str = ""
    """Where a proxy shows the page: a path such as ``/news``, or the whole address; empty where it is at the top."""
    watch: str = "off"
    """Whether the served page follows the folder of articles: ``on`` or ``off``."""
    log: str = "WARNING"
    """How much is logged: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``; questions and paths only at ``DEBUG``."""

    def __post_init__(self) -> None:
        for each in fields(self):
            kinds, named = _KINDS[each.type]
            if not isinstance(value := getattr(self, each.name), kinds):
                raise SettingsError(
                    f"RAG_{each.name.upper()} must be {named}, not {value!r}; leave it out for the default"
                )
        object.__setattr__(self, "articles", Path(self.articles).expanduser())
        for name, place in (("index", default_index), ("data", default_data)):
            given = getattr(self, name)
            chosen = place(self.articles) if given is _BY_ARTICLES else Path(given).expanduser()
            object.__setattr__(self, name, chosen)
        for name, low, high in (
            ("passage_tokens", 20, 2000),
            ("k", 1, 1000),
            ("context_tokens", 512, 2_000_000),
            ("first_word_seconds", 0, 3600),
            ("answer_seconds", 1, 3600),
            ("max_file_megabytes", 1, 2000),
            ("port", 1, 65535),
        ):
            if not low <= getattr(self, name) <= high:
                raise SettingsError(
                    f"RAG_{name.upper()} must lie between {low} and {high}; set it to a number such as {_default(name)}"
                )
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
                raise SettingsError(f"RAG_{name.upper()} must be {listed}; set it to {_default(name)}")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **changes: Any) -> Settings:
        """Return the defaults, changed by ``RAG_*`` variables and then by every keyword that is not ``None``."""
        environment = os.environ if environment is None else environment
        kinds = get_type_hints(cls)
        values: dict[str, Any] = {}
        for name in (each.name for each in fields(cls)):
            text = environment.get(f"RAG_{name.upper()}", "").strip()
            if text:
                values[name] = _parse(name, text, kinds[name])
        return cls().replace(**{**values, **{name: value for name, value in changes.items() if value is not None}})

    def replace(self, **changes: Any) -> Settings:
        """Return the same settings with every keyword that is not ``None`` changed.

        >>> Settings().replace(articles="news", index=None).articles.name
        'news'
        """
        given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
        for name, place in (("index", default_index), ("data", default_data)):  # they go along with the articles
            if name not in given and getattr(self, name) == place(self.articles):
                given[name] = _BY_ARTICLES
        return replace(self, **given)


def default_index(articles: Path) -> Path:
    """Return the folder of the user's cache that keeps the index of a folder of articles."""
    from embeddings.cache import cache_folder

    return cache_folder() / "indexes" / folder_key(articles)


def default_data(articles: Path) -> Path:
    """Return the folder of the user's data that keeps conversations about a folder of articles."""
    from platformdirs import user_data_path

    return user_data_path("footnote", appauthor=False) / folder_key(articles)


def folder_key(articles: Path) -> str:
    """Name a folder by its own name, for people, and a hash of its whole path, which stays unsaid."""
    whole = articles.expanduser().resolve()
    name = re.sub(r"[^\w-]+", "-", whole.name)[:40]
    return f"{name}-{sha256(str(whole).encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"


def _parse(name: str, text: str, kind: type) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise SettingsError(
            f"RAG_{name.upper()} must be a whole number, not {text!r}; set it to a number such as {_default(name)}"
        ) from None


def _default(name: str) -> Any:
    return next(each.default for each in fields(Settings) if each.name == name)
