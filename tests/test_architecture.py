"""Who may know whom: the arrows of the house, walked in the source and seen in a running process."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rag
from news import ARTICLES, write_articles
from rag import Settings, build

ROOT = Path(__file__).parent.parent
HEAVY = (
    "torch",
    "sentence_transformers",
    "transformers",
    "faiss",
    "pymilvus",
    "gradio",
    "starlette",
    "uvicorn",
    "tiktoken",
    "trafilatura",
    "dateparser",
    "openai",
    "anthropic",
    "httpx2",
    "llama_cpp",
    "watchfiles",
    "openvino",
    "sentencepiece",
    "sklearn",
    "scipy",
    "pypdfium2",
    "mammoth",
    "openpyxl",
    "striprtf",
    "docutils",
    "mcp",
    "docx",
)

# What each room may import of ours besides types and errors. Arrows point down only.
ARROWS: dict[str, set[str]] = {
    "types": {"web"},  # Answer.to_markdown and its kin, when they are called
    "errors": set(),
    "settings": {"embeddings"},
    "words": set(),
    "normalize": set(),
    "sentences": set(),
    "tokens": {"vocabulary"},
    "vocabulary": {"tokens"},
    "generations": set(),
    "read": {"normalize"},
    "split": {"tokens", "sentences"},
    "lexical": {"spelling", "words"},
    "index": {"generations", "lexical", "milvus", "spelling", "split", "embeddings"},  # milvus: only to open an address
    "bm25": {"lexical"},
    "milvus": {"bm25", "index", "lexical", "spelling", "embeddings"},
    "fetch": set(),
    "question": {"lexical", "words"},
    "diversify": {"facts", "words"},
    "parts": {"follow_up", "lexical", "words"},
    "retrieve": {
        "parts",
        "diversify",
        "index",
        "lexical",
        "mentions",
        "normalize",
        "question",
        "sentences",
        "words",
        "embeddings",
    },
    "timeline": {"answer", "cite", "index", "lexical", "question", "retrieve", "similarity", "words", "embeddings"},
    "similarity": {"embeddings"},
    "names": {"lexical", "normalize", "spelling"},
    "facts": {"lexical", "names", "words"},
    "spelling": {"normalize", "words"},
    "mentions": {"lexical", "names", "spelling", "words"},
    "entities": {"facts", "index", "names", "sentences", "words"},
    "prose": {"sentences"},
    "attribution": {"facts", "lexical", "names", "words"},
    "quotation": {"words"},
    "cite": {
        "attribution",
        "embeddings",
        "facts",
        "lexical",
        "prose",
        "question",
        "quotation",
        "sentences",
        "similarity",
        "words",
    },
    "answer": {"cite", "index", "lexical", "mentions", "question", "sentences", "spelling", "words", "embeddings"},
    "follow_up": {"lexical", "words"},
    "draft": {
        "cite",
        "diversify",
        "facts",
        "index",
        "lexical",
        "question",
        "quotation",
        "read",
        "retrieve",
        "sentences",
        "similarity",
        "words",
        "embeddings",
    },
    "prompt": {"sentences"},
    "map": {"index", "lexical", "words", "embeddings"},
    "chat": {"settings", "tokens"},
    "build": {"chat", "generations", "index", "milvus", "read", "settings", "split", "embeddings"},
    "chatbot": {
        "read",
        "answer",
        "build",
        "chat",
        "cite",
        "draft",
        "parts",
        "entities",
        "follow_up",
        "index",
        "map",
        "mentions",
        "milvus",
        "prompt",
        "question",
        "retrieve",
        "sentences",
        "settings",
        "similarity",
        "timeline",
        "embeddings",
    },
    "shards": {"build", "generations", "index", "milvus", "settings", "embeddings"},
    "evaluate": {"build", "chatbot", "normalize", "retrieve", "settings"},
    "web": {
        "chat",
        "chatbot",
        "entities",
        "fetch",
        "lexical",
        "map",
        "normalize",
        "read",
        "retrieve",
        "settings",
        "words",
    },
    "doors": {
        "shards",
        "milvus",
        "mentions",
        "build",
        "chat",
        "chatbot",
        "cite",
        "draft",
        "evaluate",
        "index",
        "read",
        "retrieve",
        "settings",
        "timeline",
        "ui",
        "web",
        "embeddings",
    },
    "__main__": {"doors", "settings"},
    "__init__": {"build", "chatbot", "draft", "evaluate", "settings"},
}
# Foreign packages that one place alone may import.
OWNERS = {
    "torch": {"embeddings"},
    "sentence_transformers": {"embeddings"},
    "transformers": {"embeddings", "rag.chat"},
    "openai": {"rag.chat"},
    "anthropic": {"rag.chat"},
    "httpx2": {"rag.chat"},
    "llama_cpp": {"rag.chat"},
    "faiss": {"embeddings"},
    "grpc": {"embeddings"},
    "pymilvus": {"embeddings"},
    "sklearn": {"embeddings"},
    "threadpoolctl": {"embeddings"},
    "gradio": {"ui"},
    "starlette": {"rag.doors", "rag.web", "ui"},
    "uvicorn": {"rag.doors", "rag.web", "ui"},
    "tiktoken": {"rag.tokens"},
    "tantivy": {"rag.lexical"},
    "sqlite3": {"rag.index", "rag.generations", "rag.web"},
    "click": {"rag.__main__", "rag.doors", "ui"},
    "watchfiles": {"rag.web"},
    "pypdfium2": {"rag.read"},
    "mammoth": {"rag.read"},
    "openpyxl": {"rag.read"},
    "striprtf": {"rag.read"},
    "docutils": {"rag.read"},
    "mcp": {"rag.doors"},
    "docx": {"rag.web"},
}


def _sources() -> list[tuple[str, Path]]:
    found = [("ui", ROOT / "ui.py")]
    for package in ("rag", "embeddings"):
        found += [(package, path) for path in (ROOT / package).rglob("*.py")]
    return found


def _room(package: str, path: Path) -> str:
    if package != "rag":
        return package
    return path.relative_to(ROOT / "rag").parts[0].removesuffix(".py")


def _imports(path: Path) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            module = tuple((node.module or "").split("."))
            found += [(*module, alias.name) for alias in node.names]
    return found


@pytest.mark.parametrize(("package", "path"), _sources(), ids=lambda each: getattr(each, "name", each))
def test_rooms_know_only_the_rooms_below(package: str, path: Path) -> None:
    room = _room(package, path)
    for names in _imports(path):
        if package == "embeddings":
            assert names[0] != "rag", f"embeddings imports {names}"
        elif package == "rag":
            other = (
                names[1]
                if names[0] == "rag" and len(names) > 1
                else names[0]
                if names[0] in ("embeddings", "ui")
                else ""
            )
            allowed = ARROWS[room] | {room, "types", "errors", ""}
            assert other in allowed, f"{path.name} imports {'.'.join(names)}"


@pytest.mark.parametrize("foreign", OWNERS)
def test_one_place_knows_each_foreign_package(foreign: str) -> None:
    knowing = set()
    for package, path in _sources():
        if any(names[0] == foreign for names in _imports(path)):
            knowing.add(f"rag.{_room(package, path)}" if package == "rag" else package)
    assert knowing <= OWNERS[foreign]


def test_every_room_has_its_arrows() -> None:
    rooms = {_room("rag", path) for path in (ROOT / "rag").rglob("*.py")}
    assert rooms == set(ARROWS)


def test_face_is_a_sorted_list_of_what_is_there() -> None:
    assert rag.__all__ == sorted(rag.__all__)
    for name in rag.__all__:
        assert getattr(rag, name).__doc__, name


@pytest.mark.parametrize(
    "command", ["import rag", "from rag.__main__ import cli; cli(['--help'], standalone_mode=False)"]
)
def test_starting_loads_nothing_heavy(command: str) -> None:
    program = f"import sys; {command}; print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_asking_loads_no_torch_and_no_readers_of_files(tmp_path: Path) -> None:
    """Of a question over an index that is there, also with the bundled models, and of its state."""
    unneeded = (
        "torch",
        "transformers",
        "sentence_transformers",
        "tokenizers",
        "sklearn",
        "scipy",
        "trafilatura",
        "dateparser",
    )
    folders = ["--articles", str(write_articles(tmp_path / "news", ARTICLES)), "--index", str(tmp_path / "index")]
    program = f"""
import sys
from rag.__main__ import main
for command in (["ask", "Who founded the club?", "--since", "last year"],
                *([each, "the harbour"] for each in ("search", "quote")), ["check", "-"],
                ["status"]):
    try:
        main([*command, *{folders!r}])
    except SystemExit:
        pass
print('LOADED', [name for name in {unneeded!r} if name in sys.modules])
"""
    build(Settings(articles=tmp_path / "news", index=tmp_path / "index"))
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, input="It employs 90 people.")
    assert done.stdout.splitlines()[-1] == "LOADED []", done.stderr
