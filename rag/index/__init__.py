"""Passages, vectors and keywords in one folder, as immutable generations."""
