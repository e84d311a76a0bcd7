"""The sizes of a network's maps, for images of any proportions, and the channels at each.

A network is described for squares. Other images have the layers of the smallest square that holds
them, and maps of their own proportions: a square of 32 pixels has maps of 4×4, 8×8, 16×16 and
32×32, and an image of 32×16 has maps of 4×2, 8×4, 16×8 and 32×16. The *side* of a map is the one
that it has in the square. An image that cannot be halved as often starts from a larger map: 28×28
has maps of 7×7, 14×14 and 28×28, whose sides are 8, 16 and 32.
"""

from collections.abc import Collection, Mapping, Sequence

WIDEST = 4  # times the side of a network's smallest map: no first map is larger


def side_of(
    shape: Sequence[int], multiples: Mapping[int, int], network: str, change: str = 'data.size'
) -> int:
    """The side of the square whose layers images [H, W, C] have.

    Args:
        shape: [H, W, C].
        multiples: the sides for which the network has layers, from the smallest on, and for each
            the number that H and W have to be multiples of.
        network: its name, for the error.
        change: what to change, for the error.

    Raises:
        ValueError: the network has no layers for them; names the sizes that it takes.
    """
    height, width, _ = shape
    longer = max(height, width)
    side = next((side for side in multiples if longer <= side), None)
    if side is None or 2 * longer <= min(multiples) or any(n % multiples[side] for n in shape[:2]):
        raise ValueError(
            f'{network} takes images whose sides are multiples of {_listed(multiples)}, the longer '
            f'one above {min(multiples) // 2}, and not {height}x{width}: change {change}'
        )
    return side


def _listed(multiples: Mapping[int, int]) -> str:
    largest = {of: side for side, of in sorted(multiples.items())}
    first, *others = (f'{of} up to {side}' for of, side in largest.items())
    return ', of '.join([f'{first} pixels', *others])


def sides(
    shape: Sequence[int],
    network: str = 'StyleGAN2',
    *,
    smallest: int = 4,
    least: int = 8,
    most: int = 1024,
) -> tuple[int, ...]:
    """The sides of the maps for images [H, W, C], from the first map to the image, doubling.

    Args:
        shape: [H, W, C].
        network: its name, for the error.
        smallest: side of the first map of a square.
        least, most: sides of the smallest and the largest square, powers of 2.

    Raises:
        ValueError: the network has no layers for them; names the sizes that it takes.
    """
    powers = [1 << n for n in range(least.bit_length() - 1, most.bit_length())]
    fewest = {side: min(max(2, side // (WIDEST * smallest)), side // smallest) for side in powers}
    side = side_of(shape, fewest, network)
    halvings = min(_halvings(side // smallest), *(_halvings(n) for n in shape[:2]))
    return tuple(side >> i for i in range(halvings, -1, -1))


def _halvings(n: int) -> int:
    """The number of times that n can be halved."""
    return (n & -n).bit_length() - 1


def first_map(shape: Sequence[int], halvings: int) -> tuple[int, int]:
    """Height and width of the smallest map of images [H, W, C], which are halved so often."""
    return shape[0] >> halvings, shape[1] >> halvings


def sides_of(
    shape: Sequence[int], widths: Collection[int], network: str, smallest: int = 4, bare: int = 0
) -> tuple[int, ...]:
    """`sides` of the maps of a network that have widths.

    Args:
        shape: of the images, [H, W, C].
        widths: channels of the maps.
        network: its name, for the error.
        smallest: side of the first of these maps of a square.
        bare: maps before it, which have none.

    Raises:
        ValueError: the network has no layers for the images, or another number of widths.
    """
    found = sides(shape, network, smallest=smallest >> bare, least=smallest)[bare:]
    if len(widths) != len(found):
        maps = (first_map(shape, i) for i in reversed(range(len(found))))
        listed = ', '.join(f'{height}x{width}' for height, width in maps)
        raise ValueError(
            f'{network} with {len(widths)} widths has no layers for images of '
            f'{shape[0]}x{shape[1]}: give a width for each of its maps, {listed}, or change '
            'data.size'
        )
    return found


def square(shape: Sequence[int], known: Collection[int], network: str) -> int:
    """The side of square images [H, W, C] for a network that takes no others.

    Args:
        shape: [H, W, C].
        known: sides for which the network has layers.
        network: its name, for the error.

    Raises:
        ValueError: not square, or another side; names the sides.
    """
    height, width, _ = shape
    if height != width or height not in known:
        raise ValueError(
            f'{network} takes squares of {", ".join(map(str, known))} pixels, and not '
            f'{height}x{width}: change data.size'
        )
    return height


def channels_at(side: int, base: int, most: int) -> int:
    """The channels of a map: base / side, from 1 to `most`."""
    return max(1, min(base // side, most))
