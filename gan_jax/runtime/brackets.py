"""Lists in a text whose items may have brackets with marks of their own."""


def split(text: str, mark: str) -> list[str]:
    """The items of a text between marks that stand outside of all round brackets.

    Args:
        text: such as 'fd_digits,leak@one_of(a,b)'.
        mark: one character.
    """
    items, start, depth = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == '(') - (letter == ')')
        if letter == mark and depth <= 0:
            items.append(text[start:place])
            start = place + 1
    return [*items, text[start:]]
