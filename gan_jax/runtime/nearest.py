"""Suggestions for a word that is not known."""

import difflib
from collections.abc import Collection

FEW = 12  # words that still make a readable sentence


def nearest(word: object, known: Collection[object]) -> str:
    """`; did you mean 'x'?` with the known word closest to `word`, or the known words if few."""
    words = sorted(map(str, known))
    if close := difflib.get_close_matches(str(word), words, n=1):
        return f"; did you mean '{close[0]}'?"
    return f'; known: {", ".join(words)}' if 0 < len(words) <= FEW else ''
