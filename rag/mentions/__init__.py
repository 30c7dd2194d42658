"""What a question names: outlets, authors, articles and dates, by its form and the index's own names, without a model."""

from rag.mentions.catalogue import Catalogue
from rag.mentions.mention import Mention

__all__ = ["Catalogue", "Mention"]
