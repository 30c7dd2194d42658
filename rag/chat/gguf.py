"""``gguf:FILE``: a model in llama.cpp's format in this process, through llama-cpp-python (extra ``gguf``)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.chat.in_process import OTHER_MODEL, InProcessModel, Turn, cut, disarming, render
from rag.errors import ChatError, MissingExtra, SettingsError
from rag.settings import Settings
from rag.types import Message

if TYPE_CHECKING:
    from rag.chat import ChatModel

_MAGIC = b"GGUF"
_STEP_SECONDS = 0.25  # about how long a part of the prompt takes to read, so that it can be left in between
_LARGEST_STEP = 512  # tokens; what llama.cpp reads at once

_log = logging.getLogger(__name__)
_log_callback: Any = None  # llama.cpp calls it as long as the process lives


def open_gguf(target: str, settings: Settings) -> ChatModel:
    """Return the model in a GGUF file, called ``gguf:`` and the file's own name. Nothing is loaded yet.

    Raises SettingsError where there is no such file, MissingExtra without llama-cpp-python.
    """
    file = Path(target).expanduser()
    if not file.is_file():
        raise SettingsError(
            "there is no file {name}; set RAG_MODEL to gguf:FILE with a GGUF file", name=repr(file.name)
        )
    if find_spec("llama_cpp") is None:
        raise MissingExtra('GGUF files need llama-cpp-python; type pip install "footnote-rag[gguf]"')
    name = f"gguf:{file.name}"
    return InProcessModel(name, lambda: LlamaEngine(name, file, settings.context_tokens), settings)


class LlamaEngine:
    """A model of llama.cpp: on the GPU where llama-cpp-python was built for one, deterministic.

    Raises ChatError where the file is no GGUF file or has no chat template; what else goes wrong comes as it is.
    """

    def __init__(self, name: str, file: Path, context_tokens: int) -> None:
        with file.open("rb") as stream:
            if stream.read(len(_MAGIC)) != _MAGIC:
                raise ChatError(f"{{name}} is not a GGUF file; {OTHER_MODEL}", name=name)
        _log_to_python()
        from llama_cpp import Llama
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        self._file = file
        self._model: Any = None
        self._vocabulary: Any = Llama(str(file), vocab_only=True, n_ctx=8, verbose=False)
        facts: dict[str, str] = self._vocabulary.metadata
        if "tokenizer.chat_template" not in facts:
            raise ChatError(
                f"{{name}} has no chat template, so it is no chat model; {OTHER_MODEL}, such as its instruct form",
                name=name,
            )
        self._format: Any = Jinja2ChatFormatter(
            template=facts["tokenizer.chat_template"],
            eos_token=self._token_text(self._vocabulary.token_eos()),
            bos_token=self._token_text(self._vocabulary.token_bos()),
        )
        longest = int(facts.get(f"{facts.get('general.architecture')}.context_length", context_tokens))
        self.context_tokens = min(context_tokens, longest)
        self._disarm = disarming(_control_tokens(self._vocabulary))

    def count_tokens(self, text: str) -> int:
        return len(self.encode(self._disarm(text)))

    def prompt(self, messages: Sequence[Message]) -> str:
        return render(self._template, (Message(each.role, self._disarm(each.text)) for each in messages))

    def encode(self, prompt: str) -> list[int]:
        tokens: list[int] = self._vocabulary.tokenize(prompt.encode(), add_bos=False, special=True)
        return tokens

    def load(self) -> None:
        from llama_cpp import Llama

        # -1: all layers on the GPU, where there is one; else it means nothing.
        self._model = Llama(str(self._file), n_ctx=self.context_tokens, n_gpu_layers=-1, verbose=False)

    def write(self, prompt: list[int], limit: int, stopped: threading.Event) -> Iterator[str]:
        self._read(prompt, stopped)
        if stopped.is_set():
            return
        chunks = self._model.create_completion(prompt, stream=True, max_tokens=limit, temperature=0.0)
        try:
            for chunk in chunks:
                if stopped.is_set():
                    return
                choice = chunk["choices"][0]
                yield choice["text"]
                if choice["finish_reason"] == "length":
                    raise cut(limit)
        finally:
            chunks.close()

    def _read(self, prompt: list[int], stopped: threading.Event) -> None:
        """Evaluate all tokens but the last, in steps short enough that whoever leaves need not wait."""
        self._model.reset()
        step, start = 16, 0
        while start < len(prompt) - 1 and not stopped.is_set():
            began = time.monotonic()
            part = prompt[start : min(start + step, len(prompt) - 1)]
            self._model.eval(part)
            start += len(part)
            fitting = int(step * _STEP_SECONDS / max(1e-3, time.monotonic() - began))
            step = max(1, min(2 * step, fitting, _LARGEST_STEP))

    def _template(self, turns: list[Turn]) -> str:
        return str(self._format(messages=turns, enable_thinking=False).prompt)

    def _token_text(self, token: int) -> str:
        """Return the token as it is written in the template. Empty where the model has no such token."""
        return str(self._vocabulary.detokenize([token], special=True).decode("utf-8", "replace")) if token >= 0 else ""


def _control_tokens(llama: Any) -> list[str]:
    """Return what has force in a prompt: control tokens, and user-defined ones that look like marks (``<tool_call>``)."""
    import llama_cpp

    vocabulary = llama_cpp.llama_model_get_vocab(llama.model)
    found = []
    for token in range(llama.n_vocab()):
        kind = llama_cpp.llama_vocab_get_attr(vocabulary, token)
        if kind & (llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_USER_DEFINED):
            text = llama_cpp.llama_vocab_get_text(vocabulary, token).decode("utf-8", "replace")
            if kind & llama_cpp.LLAMA_TOKEN_ATTR_CONTROL or text.startswith("<"):
                found.append(text)
    return found


def _log_to_python() -> None:
    """Return what llama.cpp prints on standard error goes to the log, at DEBUG: it names paths."""
    global _log_callback
    import llama_cpp

    if _log_callback is None:
        _log_callback = llama_cpp.llama_log_callback(
            lambda _level, text, _data: _log.debug("%s", text.decode("utf-8", "replace").rstrip())
        )
        llama_cpp.llama_log_set(_log_callback, None)
