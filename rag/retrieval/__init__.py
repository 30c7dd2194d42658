"""A question becomes passages: parsed once, searched, fused, diversified."""
