"""Every default of a run: a config file calls `base`, and sets what makes it its experiment."""

from ml_collections import ConfigDict

from gan_jax.experiment.presets import method


def base() -> ConfigDict:
    """The unregularised SNDCGAN of Zhao et al. 2020, arXiv 2006.02595, on CIFAR-10: a new config.

    A block with an `fn` holds a function's keywords: `c.generator.width = 0.5` sets one, and
    `c.generator = dict(fn=...)` is another network. A misspelt key is refused when the config is
    read. Values "of compare_gan" are from its SNDCGAN on CIFAR-10, which the paper used.
    """
    adam = dict(
        fn='optax.adam',  # the optimiser, a function of optax
        learning_rate=2e-4,  # the size of an update, the same at every step; compare_gan
        b1=0.5,  # decay of the mean gradient in a step; compare_gan
        b2=0.999,  # decay of the mean squared gradient in a step; compare_gan
    )
    return ConfigDict(
        dict(
            seed=0,  # of the networks' first weights, batches, latents and all other draws
            steps=200_000,  # updates of the generator in the whole run; the paper's
            batch_size=64,  # images of an update; the paper's
            d_steps=1,  # updates of the discriminator a step; times `accumulate` at most 64
            g_reals='last',  # real images of G's update: of D's 'last' one, or a batch of its 'own'
            accumulate=1,  # parts of a batch, computed one after another; divides `batch_size`
            steps_per_dispatch=10,  # steps of one call of the device; on a CPU always 1
            joint=True,  # one pass of D for all views; False: one for each
            # data.fn: a function of one's own that reads the images, with its keywords beside it
            # data.autoencoder.fn: a function of one's own that makes an autoencoder, whose codes
            # the networks see; `prepare --encode` writes them
            data=dict(
                name='cifar10',  # a data set of `prepare`, or the path of images
                size=32,  # pixels of a side, or (height, width)
                dir='',  # folder of prepared data; '' is $GAN_JAX_DATA, else ./data
                fraction=1.0,  # share of each class that is trained on
                subset_seed=0,  # says which images that share has
                held_out=0.0,  # share that becomes a split `test` where there is none
                background='',  # under transparent images: white, black, grey, '#RRGGBB'
            ),
            latent=dict(
                # Distribution of the latents; or `uniform`, `truncated` of the same module, or
                # `gan_jax.instances.instances`.
                fn='gan_jax.latents.normal',
                dim=128,  # numbers of a latent z
                labels='data',  # as often as in the 'data', 'uniform', or of the 'real' images
            ),
            generator=dict(
                fn='gan_jax.models.sndcgan.Generator',  # the network from latents to images
                width=1.0,  # factor on every number of channels
            ),
            discriminator=dict(
                fn='gan_jax.models.sndcgan.Trunk',  # the network from images to features
                width=1.0,  # factor on every number of channels
            ),
            logit=dict(
                fn='gan_jax.models.critic.Logit',  # the network from features to one number
            ),
            # augment.real: policy of the real images alone; '' is none
            # augment.critic: policy of all images that D sees, and of G's through it; '' is none
            # augment.view: policy of the views that terms ask for; '' is none
            # augment.shared: True: image i of reals and fakes has one draw of `critic`; False: each
            # has its own
            # augment.strength: strength of operations without a number, in the operation's units
            # augment.probability: probability of each `p(...)` without a number
            # terms.NAME.fn: the loss, a function that returns a `Term`
            # terms.NAME.weight: factor on the loss, or a block with one for each of its parts
            # terms.NAME.every: the term acts every so many steps, and counts as many times
            # terms.NAME.policy: policy of the term's own views, in place of `augment.view`
            # terms.NAME.strength: strength of the term's own policy
            # terms.NAME.probability: probability of each `p(...)` of the term's own policy
            **method('none', policy='', strength=0.1),
            optim=dict(g=dict(adam), d=dict(adam)),
            ema=dict(
                halflife_images=1.0,  # half-life of the generator's average; 1 is no average
                ramp=0.05,  # the half-life is at most this fraction of the images so far
            ),
            # averages.NAME.halflife_images: half-life of a further average, of D if NAME is `d`
            # averages.NAME.ramp: as `ema.ramp`; without it there is no ramp
            # averages.NAME.std: in place of both: a power of time with this relative width
            #
            # Further averages of the generator by name, and of the discriminator as `d`.
            averages=dict(),
            init=dict(
                workdir='',  # folder of a run whose networks this one begins with; '': new ones
                nets='g,d,ema',  # which networks: G, D and G's averages
                match='',  # which of their arrays: those with this regular expression in the name
            ),
            # Parameters that never move: those with this regular expression in the name, such as
            # 'd/params/trunk/conv_[01]/'; '' is none.
            freeze='',
            # evaluate.NAME.metrics: metrics with an interval of their own, a comma between two
            # evaluate.NAME.every: that interval, in steps
            # evaluate.NAME.fn: in place of `metrics`: a function that returns a `Metric`
            evaluate=dict(
                metrics='fid10k_test',  # every `every.evaluate` steps, commas between; '' is none
                full='fid50k_train,is50k',  # every `every.full` steps, commas between; '' is none
                num=10_000,  # generated images of metrics that name no number; the paper's
                weights='ema',  # of G: 'ema', the average; another of `averages`; 'raw', its own
                batch_norm='moving',  # BatchNorm's statistics: 'moving', 'batch' or 'standing(N)'
                unaugmented='',  # folder of the runs by which the meter of leaks is calibrated
            ),
            every=dict(
                log=100,  # steps between two rows of the log
                sample=5000,  # steps between two pictures, beside those at the beginning
                evaluate=10_000,  # steps between two measurements of `evaluate.metrics`
                full=50_000,  # steps between two measurements of `evaluate.full`
                checkpoint=5000,  # steps between two checkpoints
                snapshot=5000,  # steps between two snapshots of averages with a std; all are kept
                report=0,  # steps between two reports, report.html; 0 is one at the end alone
            ),
            # writers.NAME.fn: where else the log goes: `gan_jax.run.wandb_writer.wandb`, or a
            # function of one's own that returns a `Writer`
            #
            # Further writers of the log by name.
            writers=dict(),
            mesh=dict(
                data=-1,  # devices that divide the batch; -1 is all
                model=1,  # devices that divide the networks' channels
            ),
            dtype='float32',  # type of the networks' arithmetic
        ),
        type_safe=False,  # a schedule may replace a number; the values are checked when it is read
    )
