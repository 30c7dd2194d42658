"""The page: a chat on the left, its sources on the right. The only file that knows gradio.

``python ui.py`` is ``rag chat``. The page is there at once: the model is loaded, and the index built
where it is missing or outdated, in the background.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from html import escape
from inspect import isasyncgenfunction
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rag.chat.model_names import EXTRACTIVE
from rag.errors import KeyMissing, MissingExtra, SettingsError
from rag.export.conversation import Conversation
from rag.retrieval.find import LONGEST_QUESTION
from rag.settings import Settings
from rag.types import Progress
from rag.web import FOLDER, asset
from rag.web.accounts import Accounts, open_to_others
from rag.web.acts import Acts
from rag.web.asking import Asking, welcome
from rag.web.choices import COOKIE, Choices
from rag.web.conversations import Conversations
from rag.web.coverage import covered
from rag.web.draft_desk import LONGEST_SENT, Drafts
from rag.web.examples import Examples
from rag.web.feedback import Feedback
from rag.web.head import Head
from rag.web.history import History
from rag.web.keeper import Keeper
from rag.web.language import LANGUAGES, chosen_language, phrase, script, speaking, told
from rag.web.library import Library, Start
from rag.web.models import ChatServices, Models, Services
from rag.web.opening import Opening, sentence, what_went_wrong
from rag.web.preferences import Preferences
from rag.web.render import panel
from rag.web.rooms import Field, Form, Room, Visitor, skip, update
from rag.web.security import (
    OWNER,
    Address,
    Calm,
    Gate,
    Guard,
    check_host,
    is_loopback,
    log_in,
    visitor_of,
)
from rag.web.sessions import Bound, Sessions
from rag.web.stream import AT_ONCE
from rag.web.talk import Handlers
from rag.web.watching import snapshot

if TYPE_CHECKING:
    import gradio as gr
    from starlette.responses import Response

    from rag.chatbot import Chatbot
    from rag.doors.http import Service

T = TypeVar("T")

PORTS_TRIED = 100
SESSIONS = 256
"""How many conversations are remembered at once; the one that was idle longest is forgotten first."""
WAITING = 200
"""How many requests may wait before further ones are turned away."""

WELCOME = "welcome"
_labelled: set[str] = set()
"""The texts that gradio draws itself."""

LOGIN = "After five wrong passwords a name has to wait, up to a minute."

ADDING = ("article.js", "adding.js")
"""The scripts of what also takes files."""
USED = {
    "Button": ("click",),
    "Checkbox": ("input",),
    "Dropdown": ("input",),
    "Number": ("submit", "blur"),
    "Textbox": ("submit",),
}
"""The events by which gradio's fields tell that they are used."""


def _drop_copies(request: gr.Request) -> None:
    """Drop what gradio 6.31 keeps of a session for good. Each skipped output copies its component with a value."""
    app = getattr(getattr(request, "request", None), "app", None)
    holder: Any = getattr(app, "state_holder", None)
    session = holder and holder.session_data.get(request.session_hash)
    for kept in (session.config_values, session.blocks_config.blocks) if session else ():
        for copied in kept.keys() - holder.blocks.blocks.keys():
            del kept[copied]


def _visitor(request: gr.Request) -> Visitor:
    """Return who is there, as far as the browser and the login tell."""
    cookies, headers = getattr(request, "cookies", None) or {}, getattr(request, "headers", None) or {}
    scope = getattr(getattr(request, "request", None), "scope", None) or {}
    return Visitor(
        str(getattr(request, "session_hash", "")),  # a script that calls a function has none
        str(scope.get(OWNER) or getattr(request, "username", "") or ""),
        chosen_language(cookies, headers.get("accept-language", "")),
        str(cookies.get(COOKIE, "")),
        visitor_of(scope),
    )


def _door(handler: Callable[..., Any], sends: bool = False, name: str = "") -> Callable[..., Any]:
    """Return a handler as gradio calls it. It gets the visitor first and, where it ``sends``, what the script sent last."""

    async def steps(request: gr.Request, *values: Any) -> AsyncGenerator[Any, None]:
        async with aclosing(handler(_visitor(request), *values)) as shown:
            async for step in shown:
                yield step
        _drop_copies(request)

    async def once(request: gr.Request, *values: Any) -> Any:
        _drop_copies(request)
        return await handler(_visitor(request), *values)

    async def sent(request: gr.Request, event: gr.EventData, *values: Any) -> Any:
        return await handler(_visitor(request), *values, event._data if isinstance(event._data, dict) else {})

    door: Callable[..., Any] = steps if isasyncgenfunction(handler) else sent if sends else once
    door.__name__ = name or handler.__name__  # what gradio calls it
    return door


def _warn(text: str, visitor: Visitor) -> None:
    """Tell a reader for a while what went wrong."""
    gr.Warning(escape(told(text, visitor.language)), duration=20)


def _in_its_language(function: Callable[[Any], Any], name: str = "answer") -> Callable[..., Any]:
    """Return a function that the page's scripts call by its name, answering in the page's language."""

    def answer(sent: Any, request: gr.Request) -> Any:
        with speaking(_visitor(request).language):
            return function(sent)

    answer.__name__ = name
    return answer


def _furnish(
    page: gr.Blocks,
    room: Room,
    events: dict[str, Any],
    scripts: Sequence[str] = ("article.js",),
    **functions: Callable[[Any], Any],
) -> Any:
    """Return a room's panel, drawn when the page is opened and after whatever its script asks for.

    ``functions`` are what the script may call by their names, ``scripts`` what stands in front of it.
    """
    panel = _component(room.name, {}, scripts, **functions)
    page.load(_door(room.shown), None, [panel], **events)
    _attend(panel, room, events)
    return panel


def _attend(panel: Any, room: Room, events: dict[str, Any]) -> None:
    """Do what a room's script asks for."""
    for action in room.actions:
        getattr(panel, action)(_door(partial(room.acted, action), True, action), None, [panel], **events)


def _label(text: str) -> str:
    """Return a text for gradio to draw in the language of the page."""
    _labelled.add(text)
    return str(gr.I18n()(text))


def _spoken(language: str) -> dict[str, str]:
    """Return what gradio draws itself, in a language."""
    return {**{text: phrase(text, language) for text in _labelled}, WELCOME: welcome(language)}


def build_page(
    open_chatbot: Callable[[Callable[[Progress], None]], Chatbot],
    settings: Settings,
    examples: Callable[[Chatbot], Sequence[str]] | None = None,
    services: Services | None = None,
) -> gr.Blocks:
    """Return the page as gradio Blocks, not yet served. Begins to open the chatbot in the background.

    ``open_chatbot`` gets a function for its progress; ``services`` are the chat models' and ``examples`` the questions of
    ``rag.web.examples`` unless others are given. Raises SettingsError where ``settings.host`` is reachable from other
    machines, MissingExtra where gradio is not installed.
    """
    check_host(settings.host, settings.accounts)
    _import_gradio()
    from gradio.components.plot import PlotData

    from rag.doors.http import Service
    from rag.web.transfer import routes

    opening = Opening(open_chatbot)
    keeper = Keeper(opening, partial(snapshot, settings.articles, settings.index))
    if settings.watch == "on":
        keeper.watch(True)
    articles = Library(opening, keeper, settings)
    models = Models(
        settings,
        services or ChatServices(settings),
        capacity=2 * SESSIONS,
        choices=Choices(settings.data),
        own=lambda: opening.chatbot.model if opening.chatbot is not None else None,
    )
    feedback = Feedback(settings.data)
    kept = Conversations(settings.data) if settings.conversations == "on" else None
    handlers = Handlers(
        opening,
        models,
        History(kept, feedback, 2 * SESSIONS),
        Acts(feedback),
        lambda: keeper.first_build,
        keeper.unread,
        examples or Examples().of,
        settings.articles.name,
        _warn,
    )

    # Private: none of these is an endpoint for programs. That only hides them, so every handler checks its input.
    hidden: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "trigger_mode": "multiple"}
    at_once: dict[str, Any] = {**hidden, "concurrency_limit": None}
    # What comes while the same is still going on is lost then: well for what changes the conversation, twice is never meant.
    once: dict[str, Any] = {**at_once, "trigger_mode": "once"}

    with gr.Blocks(title="Footnote", fill_width=True, fill_height=True, analytics_enabled=False) as page:
        conversation = gr.State(())
        masthead = _component("masthead", {}, index_beat=keeper.beat)
        with gr.Tabs(elem_id="rooms") as tabs:
            with gr.Tab(_label("Ask"), id="ask", elem_id="ask-tab"), gr.Row(elem_id="desk"):
                listed = _component("history", {}) if kept is not None else None
                with gr.Column(scale=3, min_width=0, elem_id="chat-column"):
                    start = _furnish(page, Start(articles), at_once, ADDING)
                    chat = gr.Chatbot(
                        elem_id="chat",
                        label=_label("Conversation"),
                        show_label=False,
                        container=False,
                        height="100%",
                        layout="bubble",
                        autoscroll=False,  # scrolling.js leaves readers where they are
                        placeholder=_label(WELCOME),
                        buttons=[],
                        feedback_options=None,
                        latex_delimiters=[],
                        sanitize_html=True,
                        allow_tags=False,
                        allow_file_downloads=False,
                        group_consecutive_messages=False,
                    )
                    acts = _component("acts", {})
                    box = gr.Textbox(
                        elem_id="question",
                        label=_label("Your question"),
                        show_label=False,
                        placeholder=_label("Ask the articles…"),
                        lines=1,
                        max_lines=6,
                        max_length=LONGEST_QUESTION,
                        autofocus=True,
                        submit_btn=_label("Ask"),
                        stop_btn=False,
                    )
                    with gr.Row(elem_id="under"):
                        scope = gr.Dropdown(
                            [], elem_id="scope", label=_label("Narrow to…"), multiselect=True, allow_custom_value=True
                        )
                        start_line = Asking(articles, models)
                        asking = _furnish(page, start_line, at_once, ADDING)
                with gr.Column(scale=2, min_width=0, elem_id="sources-column"):
                    scripts = ("article.js", "inspector.js")
                    sources = _component("sources", panel(()), scripts, read_article=handlers.read_article)
            with gr.Tab(_label("Draft"), id="draft", elem_id="draft-tab") as drafting, gr.Row(elem_id="draft-desk"):
                drafts = Drafts(opening, settings, handlers.reading)
                drafted = _draft_desk(page, drafts, handlers, at_once)
            with gr.Tab(_label("Articles"), id="articles", elem_id="articles-tab"):
                _furnish(
                    page,
                    articles,
                    at_once,
                    ADDING,
                    read_article=handlers.read_article,
                    library_rows=lambda _: articles.rows(),
                    library_names=lambda _: articles.names(),
                )
            with (
                gr.Tab(_label("Coverage"), id="coverage", elem_id="coverage-tab") as covering,
                gr.Row(elem_id="coverage-desk"),
            ):
                with gr.Column(scale=2, min_width=0, elem_id="coverage-charts"):
                    coverage = [_html("coverage-about")]
                    coverage += [
                        gr.Plot(show_label=False, container=False, elem_id=f"coverage-{each}")
                        for each in ("times", "map")
                    ]
                with gr.Column(scale=1, min_width=0, elem_id="coverage-side"):
                    coverage.append(_component("coverage", {}, read_article=handlers.read_article))
            with (
                gr.Tab(_label("Settings"), id="settings", elem_id="settings-tab") as setting,
                gr.Row(elem_id="settings-desk"),
            ):
                with gr.Column(min_width=0, elem_id="model-column"):
                    _, chosen = _form(models, [setting.select], at_once)
                    _form(keeper, [setting.select, masthead.moved], at_once)
                with gr.Column(min_width=0, elem_id="settings-column"):
                    fields, _ = _form(Preferences(settings, models), [setting.select], at_once)
            setting.select(None, None, [fields["theme"]], js="() => footnote.theme", **at_once)
            for name, call in (("theme", "footnote.shade"), ("language", "speak")):
                fields[name].input(None, [fields[name]], None, js=f"(chosen) => {call}(chosen)", **at_once)
            chosen["shown"].then(None, None, None, js="() => document.querySelector('#model-look').click()")

        shown = [box, conversation, chat, sources]
        asked = (
            box.submit(_door(handlers.ask), [box, conversation, scope], shown[:3], **once),
            chat.example_select(_door(handlers.example, sends=True), [conversation, scope], shown[:3], **once),
            acts.retry(_door(handlers.retry), [conversation, scope], shown[:3], **once),
            sources.reconsider(_door(handlers.reconsider, sends=True), [conversation, scope], shown[:3], **once),
            acts.ask_otherwise(_door(handlers.ask_otherwise, sends=True), [conversation, scope], shown[:3], **once),
        )
        for event in asked:
            event.then(None, None, None, js="() => footnote.toQuestion()")
        changed = [event.then(_door(handlers.answer), [conversation], shown, **at_once) for event in asked]
        others = [
            acts.undo(_door(handlers.undo), [conversation], shown, **once),
            chat.clear(_door(handlers.clear), None, shown, **once),
        ]
        sources.recall(_door(handlers.recall), [conversation], [chat, sources], **at_once)
        box.stop(_door(handlers.stop), None, None, **at_once)
        acts.act(_door(handlers.act, sends=True), [conversation], [acts], **at_once)
        if listed is not None:
            others += [
                listed.open_conversation(_door(handlers.open_conversation, sends=True), None, shown, **once),
                listed.new_conversation(_door(handlers.clear), None, shown, **once),
            ]
            _attend(listed, handlers.history, at_once)
        for event in others:
            event.then(None, None, None, js="() => footnote.toQuestion()")
            event.then(_door(handlers.scope), [conversation], [scope], **at_once)
        scope.change(_door(handlers.narrow), [scope], [scope], **at_once)
        for name in ("model", "secret", "forget_key"):
            chosen[name].then(_door(start_line.shown), None, [asking], **at_once)
        for event in changed + others:
            event.then(_door(handlers.judged), [conversation], [acts], **at_once)
            if listed is not None:
                event.then(_door(handlers.listed), None, [listed], **at_once)

        async def cover(visitor: Visitor, conversation: Conversation) -> AsyncGenerator[tuple[Any, ...], None]:
            async for about, drawn in covered(opening, visitor, conversation):
                charts = [PlotData(type="altair", plot=each) for each in (drawn.times, drawn.passages)] if drawn else []
                yield about, *(charts or skip(2)), drawn.tables if drawn else update()

        covering.select(_door(cover), [conversation], coverage, **at_once)
        drafting.select(_door(handlers.narrowing), None, [drafted], **at_once)
        for tab in tabs.children:
            tab.select(None, None, None, js=f"() => footnote.tab('{tab.id}')")
        page.load(_door(handlers.suggest), None, [chat, scope], **at_once)
        start.fresh(_door(handlers.suggest), None, [chat, scope], **at_once)
        page.unload(_door(handlers.leave))
    page.queue(max_size=WAITING)
    page.files = routes(articles, drafts, settings)  # by which ``serve`` lets them come and go
    page.service = Service(opening, settings, services or ChatServices(settings))  # and what programs are served with
    page.forget = handlers.forget  # and who forgets a session
    opening.start()
    return page


def _draft_desk(page: gr.Blocks, drafts: Drafts, handlers: Handlers, events: dict[str, Any]) -> Any:
    """Draw where a draft is checked, and the article that a quote is opened in; return its scope."""
    with gr.Column(scale=3, min_width=0, elem_id="draft-column"):
        panel = _furnish(page, drafts, events, ADDING)
        box = gr.Textbox(
            elem_id="draft-text",
            label=_label("Your draft"),
            show_label=False,
            placeholder=_label("Paste your draft here…"),
            lines=8,
            max_lines=16,
            max_length=LONGEST_SENT,
        )
        with gr.Row(elem_id="draft-bar"):
            scope = gr.Dropdown(
                [], elem_id="draft-scope", label=_label("Narrow to…"), multiselect=True, allow_custom_value=True
            )
            stop = gr.Button(_label("Stop"), elem_id="draft-stop", visible=False)
            start = gr.Button(_label("Check"), elem_id="draft-check", variant="primary")
        report = _html("draft-report")
    with gr.Column(scale=2, min_width=0, elem_id="draft-side"):
        _component("passage", {}, read_article=handlers.read_article)
    checked = gr.State(None)

    async def check(visitor: Visitor, text: Any, chosen: Any) -> AsyncGenerator[tuple[Any, ...], None]:
        async for shown in drafts.check(text, chosen, visitor):
            yield shown.markup, shown.checked, update(visible=shown.running)

    for event in (start.click, box.submit):
        event(_door(check), [box, scope], [report, checked, stop], **events)
    stop.click(_door(drafts.stop), None, None, **events).then(
        None, None, None, js="() => document.getElementById('draft-check').focus()"
    )
    panel.save(_door(drafts.report), [checked], [panel], **events)
    page.unload(_door(drafts.stop))
    scope.change(_door(handlers.narrow), [scope], [scope], **events)
    return scope


def _form(room: Form, anew: Sequence[Any], events: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw gradio's own fields, filled with what a room says of them after the events in ``anew``.

    Returns the fields and gradio's events by their names; that of filling them is "shown".
    """
    fields = {name: _field(f"{room.name}-{name}", made) for name, made in room.fields.items()}

    def changes(told: dict[str, Any]) -> list[dict[str, Any]]:
        return [update(**told.get(name, {})) for name in fields]

    async def shown(visitor: Visitor) -> list[dict[str, Any]]:
        return changes(await room.shown(visitor))

    def attend(name: str, kind: str) -> Any:
        read = room.reads.get(name, () if kind == "Button" else (name,))

        async def act(visitor: Visitor, *values: Any) -> AsyncGenerator[list[dict[str, Any]], None]:
            async with aclosing(room.filled(name, visitor, dict(zip(read, values, strict=True)))) as steps:
                async for step in steps:
                    yield changes({name: {"value": ""}, **step} if kind == "Textbox" else step)

        ways = [getattr(fields[name], event) for event in USED[kind]]
        how = {**events, "trigger_mode": "once" if kind == "Button" else "multiple"}
        return gr.on(ways, _door(act, name=name), [fields[each] for each in read], [*fields.values()], **how)

    for_others = {each for name, read in room.reads.items() for each in read if each != name}
    used = {name: made.kind for name, made in room.fields.items() if made.kind in USED and name not in for_others}
    acting = {name: attend(name, kind) for name, kind in used.items()}
    filled = [event(_door(shown), None, [*fields.values()], **events) for event in anew]
    return fields, {**acting, "shown": filled[0]}


def _field(elem_id: str, field: Field) -> Any:
    """Make one of gradio's own fields, or what stands between them."""
    if field.kind == "title":
        heading = f'<h2 class="pane-title" tabindex="-1">{field.text}</h2>'
        return gr.HTML(
            "", html_template=heading, js_on_load="sayAll(element)", apply_default_css=False, elem_id=elem_id
        )
    if field.kind == "said":
        said = _component("said", {}, ())
        said.elem_id = elem_id
        return said
    if field.kind == "HTML":
        return _html(elem_id)
    made = {**field.options, "value" if field.kind == "Button" else "label": _label(field.text), "elem_id": elem_id}
    if field.info:
        made["info"] = _label(field.info)
    if field.kind == "Textbox":
        made["submit_btn"] = _label("Use for this session")
    return getattr(gr, field.kind)(**made)


def _html(elem_id: str) -> Any:
    """Make a place for markup."""
    return gr.HTML(elem_id=elem_id, apply_default_css=False)


def _component(
    name: str, value: Any, scripts: Sequence[str] = ("article.js",), **functions: Callable[[Any], Any]
) -> Any:
    """Make one of the page's own components. A fixed template, and a script that draws ``value`` into it as text."""
    return gr.HTML(
        value=value,
        html_template=asset(f"{name}.html"),
        js_on_load=asset("elements.js", *scripts, f"{name}.js"),
        server_functions=[_in_its_language(each, name) for name, each in functions.items()] or None,
        apply_default_css=False,
        elem_id=name,
    )


def serve(
    page: gr.Blocks,
    host: str,
    port: int,
    browser: bool = False,
    *,
    address: Address | None = None,
    accounts: Accounts | None = None,
) -> str:
    """Serve a page in the background and return its address; ``port`` must be free.

    ``address`` says under which names it is reached, this machine's own where it is not given; ``accounts`` who may log in,
    everybody without a login where they are not.
    """
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.routing import Route
    from starlette.staticfiles import StaticFiles

    from rag.doors.http import routes
    from rag.doors.serve import gate_for
    from rag.web.connections import limit

    fonts = StaticFiles(directory=FOLDER / "fonts")

    async def font(request: Request) -> Response:  # a route, for what is mounted loses its way behind a proxy's path
        return await fonts.get_response(request.path_params["name"], request.scope)

    address = address or Address()
    service: Service | None = getattr(page, "service", None)
    gate = [Middleware(Gate, accounts=accounts)] if accounts is not None else []
    if service is not None:
        service.address = address
        gate = gate_for(service.settings, accounts)

    def forget(session: str) -> None:
        getattr(page, "forget", lambda _: None)(session)
        page.app.state_holder.session_data.pop(session, None)
        page.app.state_holder.time_last_used.pop(session, None)
        if not page._queue.pending_event_ids_session.get(session):  # else its page still reads
            page._queue.pending_event_ids_session.pop(session, None)
            page._queue.pending_messages_per_session.pop(session, None)

    bound = Middleware(Bound, sessions=Sessions(SESSIONS, forget))
    page.launch(
        server_name=f"[{host}]" if ":" in host else host,
        server_port=port,
        prevent_thread_lock=True,
        inbrowser=browser,
        share=False,
        quiet=True,
        run_history=False,
        footer_links=[],
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
        state_session_capacity=2 * SESSIONS,  # it forgets by age alone; ``Sessions`` comes first
        max_threads=AT_ONCE,
        show_error=False,
        _frontend=False,  # else it asks itself for the page, and gives up where a busy machine needs three seconds for it
        strict_cors=True,
        theme=_theme(),
        css=asset("fonts.css", "page.css").replace('url("/footnote/', f'url("{address.path}/footnote/'),
        auth=partial(log_in, accounts) if accounts is not None else None,
        auth_message=LOGIN if accounts is not None else None,
        root_path=address.root,
        i18n=gr.I18n(**{language: _spoken(language) for language in LANGUAGES}),
        favicon_path=FOLDER / "icon.svg",
        app_kwargs={
            "middleware": [
                Middleware(Guard, address=address),
                *gate,
                bound,
                Middleware(Head, script=script(), login=LOGIN),
            ],
            "routes": [
                Route("/footnote/fonts/{name}", font),
                *getattr(page, "files", ()),  # a page of a test has none
                *(routes(service) if service is not None else ()),
            ],
            "docs_url": None,
            "redoc_url": None,
            "openapi_url": None,
        },
    )
    config = page.server.config
    limit(config)
    config.loaded_app = Guard(Calm(config.loaded_app), address)  # around gradio's own middleware and errors too
    shown = "127.0.0.1" if host == "0.0.0.0" else "[::1]" if host == "::" else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{shown}:{port}/"


def launch(settings: Settings, browser: bool = False) -> None:
    """Serve the page for a folder of articles until it is interrupted, and print its address.

    Takes the next free port where ``settings.port`` is in use. Raises SettingsError, MissingExtra.
    """
    check_host(settings.host, settings.accounts)
    address, accounts = Address.of(settings), _accounts(settings)
    page = build_page(lambda tell: open_chatbot(settings, tell), settings)
    port = free_port(settings.host, settings.port)
    if port != settings.port:
        click.echo(f"Port {settings.port} is in use; taking {port}.")
    try:
        url = serve(page, settings.host, port, browser, address=address, accounts=accounts)
    except OSError as error:
        raise SettingsError("port {port} cannot be used; set RAG_PORT to another one", port=port) from error
    click.echo(f"Footnote is at {address.origin + address.path + '/' if address.origin else url} (Ctrl+C ends it)")
    page.block_thread()


def open_chatbot(settings: Settings, on_progress: Callable[[Progress], None]) -> Chatbot:
    """Open the page's chatbot. Where its model asks for a key that is not there, one answers without it meanwhile.

    The terminal is told which variable takes the key; the page leads to its settings, where it can be typed.
    """
    from rag.chatbot import Chatbot

    try:
        return Chatbot.open(settings, on_progress=on_progress, reads=True)
    except KeyMissing as error:
        click.echo(f"{sentence(error)}; or enter it in the page, under Settings.", err=True)
    return Chatbot.open(settings.replace(model=EXTRACTIVE), on_progress=on_progress, reads=True)


def _accounts(settings: Settings) -> Accounts | None:
    """Return who may log in, where a file names them. Tells the terminal what is not well with it."""
    from rag.doors.serve import accounts_of

    if (accounts := accounts_of(settings)) is None:
        return None
    path = Path(settings.accounts).expanduser()
    if open_to_others(path):
        click.echo(f"Other users of this machine can read {path.name}; run: chmod 600 {path.name}", err=True)
    if not is_loopback(settings.host):
        click.echo(
            "Passwords travel as they are typed; put a proxy with TLS in front of other networks than your own.",
            err=True,
        )
    return accounts


def free_port(host: str, port: int) -> int:
    """Return the first free port from ``port`` on. Raises SettingsError where a hundred are taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        try:
            socket.create_server((host, candidate), family=family).close()
        except OSError:
            continue
        return candidate
    raise SettingsError("no port from {port} on is free; set RAG_PORT to another one", port=port)


def _import_gradio() -> None:
    """Load gradio (three seconds) as ``gr``. So ``--help`` need not wait and handlers find their types."""
    global gr
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # else it calls its maker at import
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "100"  # else it remembers who sent the last 10,000 events
    for name in ("NO_PROXY", "no_proxy"):  # else it looks for its own address through the proxy, and stops
        known = os.environ.get(name, "")
        if "127.0.0.1" not in known:
            os.environ[name] = ",".join(part for part in (known, "127.0.0.1,localhost,::1") if part)
    # pandas takes 30 MB of pyarrow along where it is installed (Milvus needs it), and gradio nothing of it
    absent = {"pyarrow": None} if "pyarrow" not in sys.modules else {}
    sys.modules.update(absent)  # type: ignore[arg-type]
    try:
        import gradio as gr
    except ImportError as error:
        raise MissingExtra("the page needs gradio; install it with: pip install 'footnote-rag[ui]'") from error
    finally:
        for name in absent:
            del sys.modules[name]
    from gradio import queueing, routes

    for each in (queueing, routes):  # else they print the whole error: paths, and what was sent
        vars(each)["traceback"] = SimpleNamespace(print_exc=lambda: what_went_wrong(sys.exc_info()[1], "a request"))


def _theme() -> Any:
    """Return what gradio must know before the style sheet is there. All else is in page.css."""
    sans = ("Source Sans 3", "system-ui", "sans-serif")
    return gr.themes.Base(font=sans, font_mono=("ui-monospace", "monospace")).set(
        body_background_fill="#faf8f3",
        body_background_fill_dark="#171614",
        body_text_color="#24211c",
        body_text_color_dark="#ebe6dc",
    )


if __name__ == "__main__":
    from rag.__main__ import main

    main(["chat", *sys.argv[1:]])
