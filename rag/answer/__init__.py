"""What is shown without a chat model: sentences, rows and lists of the articles that answer, and what surrounds them."""
