"""Words, sentences, tokens, names, numbers and dates: each once."""
