"""Options that several commands share, and what they read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.settings import Settings

if TYPE_CHECKING:
    from click.types import OptionHelpExtra

    from rag.chatbot import Chatbot
    from rag.types import Scope

Option = Callable[[Callable[..., Any]], Callable[..., Any]]

DIFFERS, FAILED_FILES, REFUSED, INTERRUPTED = 1, 2, 3, 130
"""Exit codes besides 0 and those of errors."""
NEAR = 70
"""Score (0 to 100) from which a known outlet is suggested for an unknown one."""


class Setting(click.Option):
    """Show a setting's variable and default in the help; ``Settings`` alone reads them."""

    def __init__(self, names: Sequence[str], *, setting: str, shown: str = "", **attributes: Any) -> None:
        super().__init__(names, **attributes)
        default = next(each.default for each in fields(Settings) if each.name == setting)
        self._shown: OptionHelpExtra = {"envvars": (f"RAG_{setting.upper()}",)}
        if shown or default:
            self._shown["default"] = shown or str(default)

    def get_help_extra(self, ctx: click.Context) -> OptionHelpExtra:
        """Add the variable and the default to what click shows."""
        return {**super().get_help_extra(ctx), **self._shown}


def read_day(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Read a date as people write it: its first day (ISO) for --since, its last for --until."""
    from rag.retrieval.mentions.periods import find_periods

    if value is None:
        return None
    value, today = value.strip(), date.today()
    if value.casefold() in ("today", "сегодня"):
        return today.isoformat()
    for start, end, first, last in find_periods(value, today):
        if (start, end) == (0, len(value)) and first and last:
            return last if param.name == "until" else first
    raise click.BadParameter(f"{value!r} is no date; write 2023, 2023-11, 2023-11-05, yesterday or last week", ctx)


def together(*options: Option) -> Option:
    """Make one decorator of several options, in the order of the help."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


folder_options = together(
    click.option(
        "--articles",
        cls=Setting,
        setting="articles",
        shown="seeds, or the examples",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="The folder of articles.",
    ),
    click.option(
        "--index",
        cls=Setting,
        setting="index",
        shown="a folder of your cache for each folder of articles",
        type=click.Path(path_type=Path),
        help="The index's folder.",
    ),
)
scope_options = together(
    click.option("--outlet", "outlets", multiple=True, help="Only articles of this outlet; may be repeated."),
    click.option(
        "--name",
        "names",
        multiple=True,
        help="Only articles that mention this person, organisation or place; may be repeated.",
    ),
    click.option("--since", metavar="DATE", callback=read_day, help="Only articles published since 2023, 2023-11 …"),
    click.option("--until", metavar="DATE", callback=read_day, help="Only articles published until then."),
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
auth_option = click.option(
    "--auth",
    "accounts",
    cls=Setting,
    setting="accounts",
    shown="no login",
    type=click.Path(),
    metavar="FILE",
    help="The accounts that may log in.",
)
model_option = click.option(
    "--model", cls=Setting, setting="model", help="What writes the answer, as `rag models` names it."
)
k_option = click.option("-k", cls=Setting, setting="k", type=click.IntRange(1, 1000), help="How many passages to find.")
serving_options = together(
    folder_options,
    click.option("--host", cls=Setting, setting="host", help="The address to listen on."),
    click.option(
        "--port",
        cls=Setting,
        setting="port",
        type=click.IntRange(1, 65535),
        help="The port; the page takes the next free one.",
    ),
    click.option(
        "--watch",
        cls=Setting,
        setting="watch",
        flag_value="on",
        help="Follow the folder: take changes in as they happen.",
    ),
    auth_option,
    click.option(
        "--root-path", cls=Setting, setting="root_path", metavar="PATH", help="Where a proxy shows it, such as /news."
    ),
    click.option(
        "--allow-host",
        "allowed_hosts",
        cls=Setting,
        setting="allowed_hosts",
        multiple=True,
        metavar="NAME",
        help="A further name it may be reached under, such as a proxy's; may be repeated.",
    ),
    model_option,
)


def accounts_file(given: str | None) -> Path:
    """Return the file of accounts that --auth or RAG_ACCOUNTS names; raises click.UsageError where neither does."""
    path = given or Settings.from_environment().accounts
    if not path:
        raise click.UsageError("name the file of accounts with --auth FILE or RAG_ACCOUNTS")
    return Path(path).expanduser()


def narrowing(
    chatbot: Chatbot, outlets: Sequence[str], since: str | None, until: str | None, names: Sequence[str]
) -> Scope:
    """Return what a search is narrowed to, with outlets as the articles write them.

    Raises click.UsageError for an outlet of no article, with the nearest one's name.
    """
    from rag.retrieval.find import check_scope

    known = {each.outlet.casefold(): each.outlet for each in chatbot.documents() if each.outlet} if outlets else {}
    for outlet in outlets:
        if outlet.casefold() not in known:
            from rapidfuzz import process

            nearest = process.extractOne(outlet.casefold(), list(known), score_cutoff=NEAR)
            advice = f"did you mean {known[nearest[0]]!r}?" if nearest else "rag status lists the articles"
            raise click.UsageError(f"no article is of the outlet {outlet!r}; {advice}")
    return check_scope([known[each.casefold()] for each in outlets], (since or "", until or ""), names=names)
