"""Data sets from which nothing can be learned: black, flat, or one image over and over."""

from gan_jax.data.dataset import SAMPLED, DataSet, evenly_spaced

BYTES = 1 << 26  # of the images that are checked: fewer of large ones


def content_fault(dataset: DataSet) -> str:
    """A sentence if the images hold nothing to learn, else ''.

    At most `SAMPLED` images are checked, evenly spaced, and fewer of large ones, so that it takes
    a moment whatever the size of the data set. The sentence says how many were checked.
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
