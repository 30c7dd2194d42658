"""Which chat model a name means; naming one contacts nobody and imports nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Literal

from rag.chat.keys import Key
from rag.errors import KeyMissing, SettingsError, Translatable
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.chat import ChatModel
    from rag.chat.service import Address

EXTRACTIVE: Final = "extractive"
KEY_VARIABLE = "RAG_API_KEY"
"""The variable whose key goes to whatever endpoint the setting names."""

_LONGEST = 2000  # characters of a name


@dataclass(frozen=True, slots=True)
class Service:
    """Describe a service of chat models. Where it is, and which variable holds its key (empty: it needs none)."""

    name: str
    title: str
    base_url: str
    variable: str = ""
    dialect: Literal["openai", "anthropic"] = "openai"

    def address(self, environment: Mapping[str, str]) -> str:
        """Return its base URL; for Ollama, what its own variable OLLAMA_HOST says.

        >>> Service("ollama", "Ollama", "http://127.0.0.1:11434/v1").address({"OLLAMA_HOST": "0.0.0.0:5000"})
        'http://127.0.0.1:5000/v1'
        """
        host = environment.get("OLLAMA_HOST", "").strip() if self.name == "ollama" else ""
        return ollama_url(host) if host else self.base_url


# The addresses are those of each service's own documentation of its OpenAI-compatible interface.
SERVICES: tuple[Service, ...] = (
    Service("ollama", "Ollama", "http://127.0.0.1:11434/v1"),
    Service("lmstudio", "LM Studio", "http://127.0.0.1:1234/v1"),
    Service("vllm", "vLLM", "http://127.0.0.1:8000/v1"),
    Service("llamacpp", "llama.cpp", "http://127.0.0.1:8080/v1"),
    Service("openai", "OpenAI", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    Service("anthropic", "Anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY", "anthropic"),
    Service("mistral", "Mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    Service("groq", "Groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    Service("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    Service("gemini", "Gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    Service("deepseek", "DeepSeek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    Service("together", "Together", "https://api.together.ai/v1", "TOGETHER_API_KEY"),
)
"""What a name may begin with: first the servers on this machine, then the paid services."""

TITLES = {each.name: each.title for each in SERVICES}
"""How services write their names."""

_FORMS = Translatable(
    "set RAG_MODEL to extractive, SERVICE:NAME (SERVICE is one of {services}), https://HOST/v1#NAME, local:FOLDER "
    "or gguf:FILE",
    services=", ".join(service.name for service in SERVICES),
)


def open_named(
    settings: Settings, key: Key | None = None, environment: Mapping[str, str] | None = None
) -> ChatModel | None:
    """Return the chat model that ``settings.model`` names, ``None`` for ``extractive``.

    The key is ``key``, else RAG_API_KEY, else the service's own variable, which goes to no other address than the service's;
    variables that would change an address (OPENAI_BASE_URL) are not read. Raises SettingsError, MissingExtra.

    >>> open_named(Settings(model="extractive"))
    >>> open_named(Settings(model="opnai:large"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    rag.errors.SettingsError: there is no service 'opnai'; did you mean openai:large? Else set RAG_MODEL to extractive, ...
    """
    environment = os.environ if environment is None else environment
    name = settings.model.strip()
    if not name.isprintable() or len(name) > _LONGEST:
        raise SettingsError(
            "the model's name is too long or has characters that cannot be printed; {message}", message=_FORMS
        )
    if name.casefold() == EXTRACTIVE:
        return None
    form, colon, target = name.partition(":")
    form, target = form.strip().casefold(), target.strip()
    if not colon or not target:
        raise _unknown(form, target)
    if form in ("http", "https"):
        return _open_url(name, key, settings, environment)
    if form == "local":
        from rag.chat.local import open_local

        return open_local(target, settings)
    if form == "gguf":
        from rag.chat.gguf import open_gguf

        return open_gguf(target, settings)
    for service in SERVICES:
        if service.name == form:
            return _open_service(service, target, key, settings, environment)
    raise _unknown(form, target)


def may_choose(name: str, settings: Settings) -> bool:
    """Tell whether a visitor may use this model. The one of the settings, ``extractive``, or one of a known service.

    Never an address, a folder or a file of the visitor's own: they would make this machine knock at doors and read files.

    >>> settings = Settings(model="gguf:velm.gguf")
    >>> may_choose("ollama:small", settings), may_choose("gguf:velm.gguf", settings), may_choose("gguf:/secret", settings)
    (True, True, False)
    """
    if name == settings.model:
        return True
    if not isinstance(name, str) or not name.isprintable() or len(name) > 200:
        return False
    form, _, target = name.partition(":")
    services = {service.name for service in SERVICES}
    return name == EXTRACTIVE or (form in services and target.strip() != "")


def shown_name(model: str) -> str:
    """Return a model's name as others may see it. An address without its query, of a folder or file only its name.

    >>> shown_name("https://velm.example/v1?api-key=test-key#large"), shown_name("gguf:/home/ann/velm.gguf")
    ('https://velm.example/v1#large', 'gguf:velm.gguf')
    >>> shown_name("ollama:small:3b")
    'ollama:small:3b'
    """
    form, _, target = model.partition(":")
    if form.casefold() in ("local", "gguf"):
        return f"{form}:{target.replace(chr(92), '/').rstrip('/').rpartition('/')[2]}"
    address, mark, name = model.partition("#")
    return f"{address.partition('?')[0]}{mark}{name}" if "://" in address else model


def is_loopback(host: str) -> bool:
    """Tell whether a host's name can mean this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("localhost.example.com")
    (True, True, True, False)
    """
    if host.casefold().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def ollama_url(host: str) -> str:
    """Return the base URL that OLLAMA_HOST means, as Ollama reads it (``envconfig.Host`` in its source).

    Without a port it is 11434, after http:// 80 and after https:// 443. An address that a server listens on everywhere
    (0.0.0.0) is this machine's to a client. Raises SettingsError for what is no address.

    >>> [ollama_url(host) for host in ("box", "[::1]:5000", "https://box.example/ollama")]
    ['http://box:11434/v1', 'http://[::1]:5000/v1', 'https://box.example:443/ollama/v1']
    """
    scheme, separator, rest = host.strip().strip("'\"").strip().rpartition("://")
    port = {"http": "80", "https": "443"}.get(scheme, "") if separator else "11434"
    if not port or "@" in rest or not rest.isprintable() or " " in rest:
        raise SettingsError("OLLAMA_HOST is no address; set it to one such as 127.0.0.1:11434")
    rest, _, path = rest.partition("/")
    name, colon, given = rest.rpartition(":")
    if not colon or "]" in given or (":" in name and not name.endswith("]")):  # "box", "[::1]", "::1"
        name, given = rest, ""
    name = name.strip("[]")
    port = given if given.isascii() and given.isdigit() and int(given) <= 65535 else port
    if name in ("", "0.0.0.0", "::"):  # noqa: S104  # nothing is bound to it
        name = "127.0.0.1"
    name = f"[{name}]" if ":" in name else name
    return "/".join(filter(None, (f"{scheme or 'http'}://{name}:{port}", path.strip("/"), "v1")))


def _open_service(
    service: Service, model: str, key: Key | None, settings: Settings, environment: Mapping[str, str]
) -> ChatModel:
    from rag.chat.service import open_endpoint

    key = find_key(environment, KEY_VARIABLE, service, key)
    url = service.address(environment)
    check_address(url, key, KEY_VARIABLE)
    return open_endpoint(
        f"{service.name}:{model}",
        url,
        model,
        key,
        settings=settings,
        dialect=service.dialect,
        key_variable=service.variable or KEY_VARIABLE,
    )


def _open_url(name: str, key: Key | None, settings: Settings, environment: Mapping[str, str]) -> ChatModel:
    from rag.chat.service import open_endpoint

    url, _, model = name.partition("#")
    model = model.strip()
    if not model:
        raise SettingsError("the address names no model; set RAG_MODEL to https://HOST/v1#NAME")
    key = find_key(environment, KEY_VARIABLE, key=key)
    address = check_address(url, key, KEY_VARIABLE)
    # Without its query, which may carry a secret.
    return open_endpoint(f"{address.base_url}#{model}", url, model, key, settings=settings)


def find_key(
    environment: Mapping[str, str], own: str, service: Service | None = None, key: Key | None = None
) -> Key | None:
    """Return ``key``, else that of our ``own`` variable, else the service's. Raises KeyMissing where it needs one."""
    variables = filter(None, (own, service.variable if service else ""))
    found = next(filter(None, (key, *(Key(environment.get(each, "")) for each in variables))), None)
    if found is None and service and service.variable:
        raise KeyMissing(
            "{name} needs a key; set {variable} or {other} to it",
            name=service.title,
            variable=service.variable,
            other=own,
        )
    return found


def check_address(url: str, key: Key | None, variable: str) -> Address:
    """Read an address; raises SettingsError for none, and where others could read the key of the ``variable``."""
    from rag.chat.service import Address

    address = Address.parse(url)
    if address.scheme == "http" and key is not None and not is_loopback(address.host):
        raise SettingsError(
            "a key is not sent to {host} over http://, where others can read it; use https://, or unset {variable} if "
            "that server needs none",
            host=address.host,
            variable=variable,
        )
    return address


def _unknown(form: str, target: str) -> SettingsError:
    known = [service.name for service in SERVICES]
    if "/" in form or "\\" in form:
        return SettingsError("a model's name does not begin with a path; set RAG_MODEL to local:FOLDER or gguf:FILE")
    if form in (*known, "local", "gguf"):
        return SettingsError(
            "{form} alone names no model; set RAG_MODEL to {service}:NAME", form=repr(form), service=form
        )
    close = get_close_matches(form, [*known, EXTRACTIVE, "local", "gguf"], n=1)
    if not close:
        return SettingsError("{name} means no chat model; {message}", name=repr(form), message=_FORMS)
    meant = EXTRACTIVE if close[0] == EXTRACTIVE else f"{close[0]}:{target or 'NAME'}"
    return SettingsError(
        "there is no service {name}; did you mean {meant}? Else {message}", name=repr(form), meant=meant, message=_FORMS
    )
