"""Outlets, authors, articles and dates that a question names."""

from rag.retrieval.mentions.mention import Catalogue, Mention

__all__ = ["Catalogue", "Mention"]
