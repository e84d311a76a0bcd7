"""The one way in which a check fails, also under `python -O`."""


def require(promised: bool, sentence: str) -> None:
    """Raises AssertionError with the sentence unless something holds."""
    if not promised:
        raise AssertionError(sentence)
