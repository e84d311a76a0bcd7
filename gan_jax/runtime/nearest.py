"""Suggestions for a word that is not known."""

import difflib
from collections.abc import Collection

FEW = 12  # words that still make a readable sentence
# Words of other programs for ours.
ELSEWHERE = {
    'lr': 'learning_rate',
    'beta1': 'b1',
    'beta2': 'b2',
    'epochs': 'steps',
    'max_steps': 'steps',
    'bs': 'batch_size',
}


def nearest(word: object, known: Collection[object]) -> str:
    """`; did you mean 'x'?` with the known word closest to `word`, or the known words if few."""
    words = sorted(map(str, known))
    if (meant := ELSEWHERE.get(str(word))) in words:
        return f"; did you mean '{meant}'?"
    if close := difflib.get_close_matches(str(word), words, n=1):
        return f"; did you mean '{close[0]}'?"
    return f'; known: {", ".join(words)}' if 0 < len(words) <= FEW else ''
