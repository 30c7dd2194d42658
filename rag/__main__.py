"""The terminal door: hands each command to its file in ``rag/doors/``.

Exit codes: 0 done · 1 something went wrong · 2 done, but some files or questions failed · 3 no answer was found ·
64 a wrong option or question · 75 another build is running · 130 interrupted.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

import click

from rag.doors import mcp
from rag.doors.ask import ask, search, show_timeline
from rag.doors.doctor import doctor
from rag.doors.drafts import check_draft, find_quotation
from rag.doors.indexing import add, build, status, verify
from rag.doors.measuring import evaluate, models
from rag.doors.options import INTERRUPTED
from rag.doors.page import account, chat, feedback
from rag.doors.printing import plain
from rag.doors.serve import serve
from rag.doors.talking import talk
from rag.errors import FootnoteError
from rag.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

click.UsageError.exit_code = 64


class _Commands(click.Group):
    """Show what each command does in whole sentences, wrapped and not cut off."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.commands[name].get_short_help_str(200)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog='Example: rag ask "How long is the tram line?" --articles ~/reporting',
)
@click.version_option(package_name="footnote-rag", prog_name="rag")
def cli() -> None:
    """Ask a folder of articles. Every sentence of the answer carries a quote that stands in an article."""
    if os.environ.get("NO_COLOR"):
        click.get_current_context().color = False


cli.add_command(build)
cli.add_command(add)
cli.add_command(ask)
cli.add_command(talk)
cli.add_command(search)
cli.add_command(check_draft)
cli.add_command(find_quotation)
cli.add_command(show_timeline)
cli.add_command(chat)
cli.add_command(feedback)
cli.add_command(account)
cli.add_command(models)
cli.add_command(evaluate)
cli.add_command(status)
cli.add_command(verify)
cli.add_command(doctor)
cli.add_command(mcp.command)
cli.add_command(serve)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. Every error becomes one line and an exit code, a traceback only where RAG_LOG is DEBUG."""
    try:
        _log()
        cli(args=arguments, prog_name="rag", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except FootnoteError as error:
        click.echo(f"rag: {plain(str(error))}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains of the pipe at exit
    except Exception as error:  # a user gets a line, a developer the rest with RAG_LOG=DEBUG
        log.debug("unexpected", exc_info=True)
        click.echo(
            f"rag: something unexpected went wrong ({type(error).__name__}); set RAG_LOG=DEBUG to see more", err=True
        )
        sys.exit(1)


def _log() -> None:
    """Only what is ours is logged more: other libraries name folders in theirs."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    for name in ("rag", "embeddings", "ui"):
        logging.getLogger(name).setLevel(Settings.from_environment().log)


if __name__ == "__main__":
    main()
