"""Data sets from which nothing can be learned: black, flat, or one image over and over."""

from gan_jax.data.dataset import SAMPLED, DataSet, evenly_spaced

BYTES = 1 << 26  # of images that are looked at: of large ones fewer


def content_fault(dataset: DataSet) -> str:
    """A sentence where the images hold nothing to learn, and '' where they do.

    Of many images `SAMPLED` are looked at, evenly spaced, and of large ones fewer, so that it takes
    a moment whatever the size of the data set; the sentence says of how many it speaks.
    """
    images, whole = dataset.images, len(dataset.images)
    which = f"the {whole} images of '{dataset.name}'"
    count = max(2, min(SAMPLED, BYTES // images[0].nbytes))
    if count < whole:
        images = evenly_spaced(images, count)
        which = f"the {count} images of '{dataset.name}' that were looked at, of {whole},"
    if not images.any():
        return f'{which} are all black: check how they were made'
    if len(images) == 1:
        return f"'{dataset.name}' holds a single image: nothing can be learned from one"
    if (images == images[:1]).all():
        return f'{which} are all the same one: check how they were made'
    if (images == images[:, :1, :1]).all():
        return f'{which} are each of one colour all over: check how they were made'
    return ''
