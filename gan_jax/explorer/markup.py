"""Pictures, films and rows of images as HTML with everything in it, to be shown and to be saved."""

from collections.abc import Sequence
from html import escape

import numpy as np

from gan_jax.explorer import films
from gan_jax.sampling.pictures import data_uri


def picture(image: np.ndarray, alt: str, name: str) -> str:
    """A picture with a link that saves it, pixel by pixel, as `name`.png.

    Args:
        image: uint8 [H, W, C].
        alt: what it shows, in words; any text.
        name: of the file, without its ending.
    """
    saved = data_uri('png', films.png(image))
    return (
        f'<figure class="picture">{_shown(films.enlarged(image), alt)}'
        f'<figcaption>{_link(saved, f"{name}.png", "Save as PNG")}</figcaption></figure>'
    )


def film(images: np.ndarray, alt: str, name: str) -> str:
    """A film of uint8 [N, H, W, C] with a link that saves it; see `picture`."""
    kind = films.ending()
    uri = data_uri(kind, films.film(images, kind))
    return (
        f'<figure class="picture"><img src="{uri}" alt="{escape(alt, quote=True)}">'
        f'<figcaption>{_link(uri, f"{name}.{kind}", f"Save the film ({kind})")}</figcaption>'
        '</figure>'
    )


def row(images: Sequence[np.ndarray], captions: Sequence[str]) -> str:
    """Images uint8 [H, W, C] side by side, each above a caption, which is any text."""
    cells = (
        f'<figure>{_shown(films.enlarged(image), caption)}'
        f'<figcaption>{escape(caption)}</figcaption></figure>'
        for image, caption in zip(images, captions, strict=True)
    )
    return f'<div class="row-of-images">{"".join(cells)}</div>'


def sentence(text: str) -> str:
    """Any text as a paragraph."""
    return f'<p>{escape(text)}</p>'


def _shown(image: np.ndarray, alt: str) -> str:
    return f'<img src="{data_uri("png", films.png(image))}" alt="{escape(alt, quote=True)}">'


def _link(uri: str, name: str, text: str) -> str:
    return f'<a href="{uri}" download="{escape(name, quote=True)}">{escape(text)}</a>'
