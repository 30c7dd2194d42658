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
    "types": {"export"},  # an answer writes itself by rag.export.formats, which is imported when it is asked to
    "errors": {"embeddings"},  # whose errors become ours
    "settings": {"embeddings"},
    "text": set(),
    "split": {"text"},
    "read": {"text"},
    "chat": {"settings", "text"},
    "index": {"chat", "embeddings", "read", "settings", "split", "text"},
    "retrieval": {"embeddings", "index", "text"},
    "cite": {"embeddings", "retrieval", "text"},
    "answer": {"cite", "embeddings", "index", "retrieval", "text"},
    "draft": {"cite", "embeddings", "index", "read", "retrieval", "text"},
    "chatbot": {"answer", "chat", "cite", "draft", "embeddings", "index", "read", "retrieval", "settings", "text"},
    "evaluation": {"chatbot", "index", "retrieval", "settings", "text"},
    "language": set(),
    "export": {"chat", "language", "retrieval", "text"},
    "web": {"chat", "chatbot", "draft", "export", "index", "language", "read", "retrieval", "settings", "text"},
    "doors": {
        "answer",
        "chat",
        "chatbot",
        "cite",
        "draft",
        "embeddings",
        "evaluation",
        "export",
        "index",
        "read",
        "retrieval",
        "settings",
        "ui",
        "web",
    },
    "__main__": {"doors", "settings"},
    "__init__": {"chatbot", "draft", "evaluation", "index", "settings"},
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
    "tiktoken": {"rag.text"},
    "tantivy": {"rag.index", "rag.text"},
    "sqlite3": {"rag.index", "rag.web"},
    "click": {"rag.__main__", "rag.doors", "ui"},
    "pypdfium2": {"rag.read"},
    "mammoth": {"rag.read"},
    "openpyxl": {"rag.read"},
    "striprtf": {"rag.read"},
    "docutils": {"rag.read"},
    "mcp": {"rag.doors"},
    "docx": {"rag.export"},
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


def test_no_two_files_share_a_name() -> None:
    files = [path.name for folder in ("rag", "embeddings") for path in (ROOT / folder).rglob("*.py")]
    assert {name for name in files if files.count(name) > 1} == {"__init__.py"}
