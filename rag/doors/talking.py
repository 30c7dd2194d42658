"""Talk in the terminal, and keep its last conversation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag.doors.opened import draft_lines, opened
from rag.doors.options import folder_options, k_option, model_option, narrowing, scope_options
from rag.doors.printing import plain, plural, print_answer
from rag.errors import FootnoteError, QuestionError, StoreError

if TYPE_CHECKING:
    from rag.chatbot import Chatbot
    from rag.export.conversation import Conversation
    from rag.settings import Settings
    from rag.types import Scope

OWNER = "(terminal)"
"""Whose conversation it is in the store; no account can have this name."""

continue_option = click.option(
    "-c", "--continue", "continued", is_flag=True, help="Continue the terminal's last conversation."
)


@click.command(epilog="Example: rag talk --outlet Courier --since 2023")
@folder_options
@model_option
@scope_options
@k_option
@continue_option
def talk(
    articles: Path | None,
    index: Path | None,
    model: str | None,
    k: int | None,
    continued: bool,
    **narrowed: Any,
) -> None:
    """Talk about the articles in the terminal; Ctrl-C stops an answer, Ctrl-D leaves."""
    from rag.export.conversation import begin

    with opened(articles, index, model, reads=True) as chatbot:
        scope = narrowing(chatbot, **narrowed) or None
        conversation = last_conversation(chatbot.settings) if continued else ()
        _edit_lines([each.question for each in conversation])
        hint = f"Ask about {plural(len(chatbot.documents()), 'article')}. Ctrl-C stops an answer, Ctrl-D leaves."
        click.echo(hint)
        while (question := _typed()) is not None:
            if (command := question.strip().lower().removeprefix("/")) in ("exit", "quit"):
                return
            if command in ("help", "?"):
                click.echo(hint)
            elif command:
                try:
                    conversation = _answered(chatbot, begin(conversation, question), k, scope)
                except FootnoteError as error:
                    click.echo(plain(str(error)), err=True)
                    continue
                keep(chatbot.settings, conversation)


def last_conversation(settings: Settings) -> Conversation:
    """Open the terminal's last conversation; raises QuestionError where there is none, and StoreError."""
    from rag.web.conversations import Conversations

    if settings.conversations == "off":
        raise QuestionError("no conversation is kept; set RAG_CONVERSATIONS to on, or ask without -c")
    kept = Conversations(settings.data)
    for each in kept.listed(OWNER).summaries:
        return kept.open(OWNER, each.id).turns
    raise QuestionError("there is no conversation to continue; ask without -c first")


def keep(settings: Settings, conversation: Conversation) -> None:
    """Keep a conversation in place of the terminal's last one; a failure is only told."""
    from rag.web.conversations import Conversations

    if settings.conversations == "off":
        return
    try:
        kept = Conversations(settings.data)
        ids = [each.id for each in kept.listed(OWNER).summaries]
        kept.save(OWNER, conversation, ids[0] if ids else "")
    except StoreError as error:
        click.echo(f"The conversation is not kept: {plain(str(error))}", err=True)


def _answered(chatbot: Chatbot, conversation: Conversation, k: int | None, scope: Scope | None) -> Conversation:
    """Answer the last question and print the answer; Ctrl-C stops it there."""
    from rag.export.conversation import change, history

    answer, stopped = None, False
    with draft_lines() as show:
        try:
            for answer in chatbot.stream(conversation[-1].question, history(conversation), k, scope=scope):
                show(answer)
        except KeyboardInterrupt:
            stopped = True
    if answer is not None and (answer.complete or answer.sentences):
        print_answer(answer)
    if stopped:
        click.echo("Stopped.")
    return change(conversation, status="stopped" if stopped else "done", answer=answer)


def _edit_lines(questions: list[str]) -> None:
    """Let arrow keys edit what is typed and bring earlier questions back, where the system can."""
    try:
        import readline
    except ImportError:  # Windows' terminal does it by itself
        return
    for each in questions:
        readline.add_history(each)


def _typed() -> str | None:
    """Return what is typed at the prompt, None at the end of the input."""
    while True:
        try:
            return input("\n> ")
        except EOFError:
            click.echo()
            return None
        except KeyboardInterrupt:
            click.echo()
        except UnicodeDecodeError:
            click.echo("That is no text in this terminal's encoding; type it again.", err=True)
