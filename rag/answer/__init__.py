"""Answer without a chat model. Sentences, rows and lists of the articles, and what surrounds them."""
