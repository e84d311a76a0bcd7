"""The discriminator: a trunk, a head for the logit, and heads that belong to terms."""

from collections.abc import Callable, Mapping
from dataclasses import field

import jax
from flax import linen as nn
from jax import Array

from gan_jax.models.layers import Initializer, initializer
from gan_jax.models.spectral import maybe_spectral
from gan_jax.runtime import shapes
from gan_jax.runtime.errors import of_part
from gan_jax.runtime.ranges import SomeClasses


class Logit(nn.Module):
    """The unconditional logit: a dense layer with spectral normalisation.

    Attributes:
        initializer: 'normal', 'glorot' or 'orthogonal', see `layers.initializer`; give the trunk's
            (SNDCGAN 'normal', SN-ResNet 'glorot', BigGAN 'orthogonal').
        normalised: False leaves out the spectral normalisation.
    """

    initializer: Initializer = 'normal'
    normalised: bool = True

    @nn.compact
    def __call__(self, features: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'logit': [N]} from features [N, F]; `label` [N] is not used."""
        dense = nn.Dense(1, kernel_init=initializer(self.initializer), name='dense')
        return {'logit': maybe_spectral(self.normalised, train=train)(dense, features)[:, 0]}


class ProjectionLogit(nn.Module):
    """The logit of features and class, ψ(φ) + <V y, φ> (Miyato & Koyama 2018, figure 1d).

    ψ is the unconditional logit and V a table with a row for each class; both have spectral
    normalisation.

    Attributes:
        num_classes: of the data; a label outside 0 ... num_classes - 1 has a row of zeros.
        initializer: as in `Logit`, for ψ and V.
        normalised: False leaves out both spectral normalisations.
    """

    num_classes: SomeClasses
    initializer: Initializer = 'normal'
    normalised: bool = True

    @nn.compact
    def __call__(self, features: Array, label: Array, *, train: bool) -> dict[str, Array]:
        """{'logit': [N]} from features [N, F] and label [N].

        Raises:
            ValueError: there are no classes, or no such initialiser.
        """
        if self.num_classes < 1:
            raise ValueError(
                f'a projection needs classes, not num_classes={self.num_classes}: '
                'without classes take gan_jax.models.critic.Logit'
            )
        init = initializer(self.initializer)
        dense = nn.Dense(1, kernel_init=init, name='dense')
        table = nn.Dense(features.shape[-1], use_bias=False, kernel_init=init, name='classes')
        one_hot = jax.nn.one_hot(label, self.num_classes, dtype=features.dtype)
        call = maybe_spectral(self.normalised, train=train)
        logit = call(dense, features)[:, 0]
        return {'logit': logit + (call(table, one_hot) * features).sum(1)}


class Critic(nn.Module):
    """The discriminator: one pass over images gives logits, features and the terms' heads.

    Attributes:
        trunk: `(image [N, H, W, C] in [0, 1], *, train) -> features [N, F]`, or a dict of
            'features' and inner maps [N, ...], which are outputs by their names.
        heads: by name, `(features [N, F], label [N], *, train) -> dict`; each is one output of that
            name.
        logit: `(features [N, F], label [N], *, train) -> {'logit': [N], ...}`; the other values
            that it returns are outputs too.

    A trunk or logit with an attribute `reads`, names of further entries of a record such as
    ('z',), gets these arrays [N, ...] as keywords too.
    """

    trunk: nn.Module
    heads: Mapping[str, nn.Module] = field(default_factory=dict)
    logit: nn.Module = Logit()

    @property
    def reads(self) -> tuple[str, ...]:
        """The entries of a record that trunk and logit read beside the image and the label."""
        return tuple(dict.fromkeys((*reads_of(self.trunk), *reads_of(self.logit))))

    def __call__(
        self,
        image: Array,
        label: Array,
        *,
        train: bool,
        rows: Mapping[str, Callable[[Array], Array]] | None = None,
        **more: Array,
    ) -> dict:
        """{'logit': [N], 'features': [N, F], head's name: its dict, ...} of images in [0, 1].

        Args:
            image: [N, H, W, C].
            label: [N].
            train: as the parts take it.
            rows: for each head that runs, [N, ...] -> [M, ...], the rows of the features and labels
                that it meets; None: every head runs on all.
            **more: the entries [N, ...] that it `reads`.

        Raises:
            ValueError: `more` are others, a head or a map has the name of another output, or a
                part returns other shapes than the attributes say.
        """
        if {*more} != {*self.reads}:
            wanted, found = (', '.join(sorted(x)) or 'none' for x in (self.reads, more))
            raise ValueError(f'D reads beside the image: {wanted}; it is called on: {found}')
        size = len(image)
        with of_part('config.discriminator'):
            own = {n: more[n] for n in reads_of(self.trunk)}
            maps = self.trunk(image, train=train, **own)
            is_record = isinstance(maps, Mapping)
            maps = dict(maps) if is_record else {'features': maps}
            features = maps.pop('features', None)
            what = "its 'features'" if is_record else 'what it returns'
            shapes.array(what, features, (size, 'F'))
            shapes.arrays('what it returns', maps, size)
        with of_part('config.logit'):
            own = {n: more[n] for n in reads_of(self.logit)}
            logits = self.logit(features, label, train=train, **own)
            logits = shapes.arrays('what it returns', logits, size)
            shapes.array("its 'logit'", logits.get('logit'), (size,))
        if taken := {*maps} & {'image', 'label', 'index', 'z', 'dx', 'features', *logits}:
            raise ValueError(f"a map of D cannot be called '{min(taken)}': it has another meaning")
        out = {**maps, 'features': features, **logits}
        for name, head in self.heads.items():
            if name in out:
                raise ValueError(f"a head cannot be called '{name}': D has an output of that name")
            if rows is None or name in rows:
                of = rows[name] if rows is not None else lambda x: x
                own, size = of(features), len(of(label))
                with of_part(f'config.terms.{name}'):
                    made = head(own, of(label), train=train)
                    out[name] = shapes.arrays("its head's output", made, size)
        return out


def scope_of(head: str) -> str:
    """The name under which Flax keeps the variables of one of `Critic.heads`."""
    return f'heads_{head}'


def reads_of(part: nn.Module) -> tuple[str, ...]:
    """The entries of a record that a network reads beside the image and the label."""
    return tuple(getattr(part, 'reads', ()))
