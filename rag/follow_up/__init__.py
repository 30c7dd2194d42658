"""Follow-up questions: what one lacks is carried over from the conversation, by rules or by one short call to a model."""

from rag.follow_up.completing import complete
from rag.follow_up.rewrite import rewriting, rewritten

__all__ = ["complete", "rewriting", "rewritten"]
