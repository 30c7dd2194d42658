"""The languages that people are told things in: catalogues, and phrases by them."""
