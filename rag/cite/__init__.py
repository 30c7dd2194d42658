"""Claims and evidence: find, check, number, mark."""
