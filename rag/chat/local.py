"""``local:FOLDER-OR-HUB-NAME``: a transformers model in this process; nothing pickled is loaded, no code of a model run."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.chat.in_process import OTHER_MODEL, InProcessModel, Turn, cut, disarming, render
from rag.errors import ChatError, MissingExtra, SettingsError
from rag.settings import Settings
from rag.types import Message

if TYPE_CHECKING:
    from rag.chat import ChatModel

_READ = ("*.json", "*.txt", "*.model", "*.jinja")  # configuration, tokenizer, chat template
_WEIGHTS = "*.safetensors"
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_HUB_NAME = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", re.ASCII)
_AT_ONCE = 512  # tokens of the prompt in one pass: smaller is slower, larger takes longer to leave
_PATIENCE = 10.0  # seconds until the hub must have answered

_log = logging.getLogger(__name__)


def open_local(target: str, settings: Settings) -> ChatModel:
    """Open a model by folder or by its name on the Hugging Face hub. It is downloaded once, when first asked.

    Nothing is read yet. The model is called ``local:`` and the folder's own name. Raises SettingsError where there is no such
    folder and the name cannot be one of the hub.
    """
    folder = Path(target).expanduser()
    if folder.is_dir():
        name = f"local:{folder.resolve().name}"
    elif _HUB_NAME.fullmatch(target):
        name, folder = f"local:{target}", Path()
    else:
        raise SettingsError(
            "there is no folder {name}; set RAG_MODEL to local:FOLDER with a transformers model in it",
            name=repr(folder.name),
        )
    found = folder if folder != Path() else None
    return InProcessModel(name, lambda: TransformersEngine(name, found, target, settings.context_tokens), settings)


class TransformersEngine:
    """Run a causal language model of transformers, deterministic, on the GPU where there is one.

    Raises ChatError for a folder with pickled weights alone or a tokenizer without chat template; what else goes wrong comes
    as it is.
    """

    def __init__(self, name: str, folder: Path | None, hub_name: str, context_tokens: int) -> None:
        _set_environment()
        try:
            from transformers import AutoConfig, AutoTokenizer
        except ImportError:
            raise MissingExtra(
                "transformers cannot be imported; type pip install --force-reinstall transformers"
            ) from None

        self._hub_name = hub_name
        self._downloaded = folder is None
        self._folder = _download(hub_name, _READ) if folder is None else folder
        if not self._downloaded:
            _refuse_pickles(self._folder, name)
        config = AutoConfig.from_pretrained(str(self._folder), trust_remote_code=False, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(str(self._folder), trust_remote_code=False, local_files_only=True)
        if not tokenizer.chat_template:
            raise ChatError(
                f"{{name}} has no chat template, so it is no chat model; {OTHER_MODEL}, such as its instruct form",
                name=name,
            )
        self._tokenizer: Any = tokenizer
        self._disarm = disarming(_control_tokens(tokenizer))
        self._model: Any = None
        self._at_once: int | None = None
        self._stopped = threading.Event()
        longest = getattr(config.get_text_config(), "max_position_embeddings", None) or context_tokens
        self.context_tokens = min(context_tokens, int(longest))
        self.count_tokens("Now rather than in two threads at once, the tokenizer forgets to cut and pad.")

    def count_tokens(self, text: str) -> int:
        return len(self.encode(self._disarm(text)))

    def prompt(self, messages: Sequence[Message]) -> str:
        return render(self._template, (Message(each.role, self._disarm(each.text)) for each in messages))

    def encode(self, prompt: str) -> list[int]:
        tokens: list[int] = self._tokenizer(prompt, add_special_tokens=False, verbose=False)["input_ids"]
        return tokens

    def load(self) -> None:
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging
        from transformers.utils.import_utils import is_torch_cuda_available, is_torch_mps_available

        if self._downloaded:
            self._folder = _download(self._hub_name, (*_READ, _WEIGHTS))
        bars: Any = logging
        shown = bars.is_progress_bar_enabled()
        bars.disable_progress_bar()
        try:
            model: Any = AutoModelForCausalLM.from_pretrained(
                str(self._folder), trust_remote_code=False, use_safetensors=True, local_files_only=True, dtype="auto"
            )
        finally:
            if shown:
                bars.enable_progress_bar()
        device = "cuda" if is_torch_cuda_available() else "mps" if is_torch_mps_available() else "cpu"
        self._model = model.to(device).eval()
        # What its makers chose for sampling would only be warned about: nothing is sampled here.
        self._model.generation_config.update(
            do_sample=False, temperature=None, top_p=None, top_k=None, min_p=None, typical_p=None, max_length=None
        )
        # Mamba, RWKV and their like keep no cache that a prompt could be read into part by part.
        self._at_once = _AT_ONCE if "past_key_values" in signature(self._model.forward).parameters else None
        for module in self._model.modules():
            module.register_forward_pre_hook(self._leave_where_stopped)

    def write(self, prompt: list[int], limit: int, stopped: threading.Event) -> Iterator[str]:
        from transformers import TextIteratorStreamer

        self._stopped = stopped
        streamer = TextIteratorStreamer(
            self._tokenizer, skip_prompt=True, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        done: Future[list[int]] = Future()
        thread = threading.Thread(
            target=self._generate, args=(prompt, limit, streamer, done), name="chat model generator", daemon=True
        )
        thread.start()
        try:
            for piece in streamer:
                yield piece.rstrip("\ufffd")  # a character of which only some bytes came
            if self._is_cut(done.result(), limit):
                raise cut(limit)
        finally:
            stopped.set()
            thread.join()  # the next answer's turn begins after this one has left the model

    def _generate(self, prompt: list[int], limit: int, streamer: Any, done: Future[list[int]]) -> None:
        from transformers import BatchEncoding

        try:
            inputs = BatchEncoding({"input_ids": [prompt], "attention_mask": [[1] * len(prompt)]}, tensor_type="pt")
            tokens = self._model.generate(
                **inputs.to(self._model.device),
                streamer=streamer,
                max_new_tokens=limit,
                prefill_chunk_size=self._at_once,
                disable_compile=True,  # a compiled model would not heed the hooks
            )
            done.set_result(tokens[0, len(prompt) :].tolist())
        except _Stopped:
            done.set_result([])
        except BaseException as error:
            done.set_exception(error)
        streamer.text_queue.put(streamer.stop_signal)  # which it has not sent where it failed

    def _is_cut(self, written: list[int], limit: int) -> bool:
        ends = self._model.generation_config.eos_token_id
        return len(written) >= limit and written[-1] not in (ends if isinstance(ends, list) else [ends])

    def _leave_where_stopped(self, *_: object) -> None:
        # In front of every layer, so that a model can be left also while it reads a long prompt.
        if self._stopped.is_set():
            raise _Stopped

    def _template(self, turns: list[Turn]) -> str:
        # enable_thinking is heeded by the models that would else think aloud for minutes first (Qwen3 and its like).
        prompt = self._tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        return str(prompt)


class _Stopped(Exception):
    """Nobody listens any more."""


def _refuse_pickles(folder: Path, name: str) -> None:
    files = [file.name for file in folder.iterdir()]
    if any(file.endswith(".safetensors") for file in files):
        return
    if any(file.endswith(_PICKLED) for file in files):
        raise ChatError(
            f"{{name}} has only pickled weights, which can run code; save it as safetensors, or {OTHER_MODEL}",
            name=name,
        )
    raise ChatError(f"{{name}} holds no weights (*.safetensors); {OTHER_MODEL}", name=name)


def _download(hub_name: str, patterns: Sequence[str]) -> Path:
    """Return a model's folder in the hub's cache. The network is asked only for what is not there yet."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    wanted: dict[str, Any] = {"allow_patterns": list(patterns), "ignore_patterns": ["*/*"]}
    try:
        folder = Path(snapshot_download(hub_name, local_files_only=True, **wanted))
        if (folder / "config.json").is_file() and (_WEIGHTS not in patterns or _has_weights(folder)):
            return folder  # another program may have fetched only a part of the model
    except LocalEntryNotFoundError:
        pass
    try:
        HfApi().model_info(hub_name, timeout=_PATIENCE)  # the download itself waits for ever for a silent server
        return Path(snapshot_download(hub_name, **wanted))
    except Exception as error:
        _log.debug("%s could not be downloaded", hub_name, exc_info=error)
        raise ChatError(
            "the model {name} could not be downloaded ({kind}); check its name and the connection, or set "
            "RAG_MODEL to local:FOLDER",
            name=hub_name,
            kind=type(error).__name__,
        ) from None


def _has_weights(folder: Path) -> bool:
    """Tell whether all weights are there, as far as the index of their parts tells."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return any(folder.glob(_WEIGHTS))
    parts = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    return all((folder / part).is_file() for part in parts)


def _set_environment() -> None:
    # Read when the libraries are imported. A tokenizer that has started threads of its own hangs in a forked child.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")


def _control_tokens(tokenizer: Any) -> list[str]:
    """Return what has force in a prompt: special tokens, and added ones that look like marks (``<tool_call>``)."""
    added = tokenizer.added_tokens_decoder.values()
    return [*tokenizer.all_special_tokens, *(str(each) for each in added if each.special or str(each).startswith("<"))]
