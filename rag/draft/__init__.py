"""Check what a reporter writes against the articles: sentences, quotations, a report."""
