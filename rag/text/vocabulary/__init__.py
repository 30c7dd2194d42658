"""The vocabulary that text is measured with, what it was made from and how."""
