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
        fn='optax.adam',  # a function of optax
        learning_rate=2e-4,  # at least 0, the same at every step; compare_gan
        b1=0.5,  # from 0 to below 1: decay of the mean gradient, a step; compare_gan
        b2=0.999,  # from 0 to below 1: decay of its square; compare_gan
    )
    return ConfigDict(
        dict(
            seed=0,  # of networks, batches, latents and draws: from 0 to 2^31 - 1
            steps=200_000,  # updates of the generator, at least 1; the paper's
            batch_size=64,  # images of an update, from 2; the paper's
            d_steps=1,  # updates of the discriminator a step; times accumulate at most 64
            g_reals='last',  # that G's update meets: of D's 'last' update, or a batch of its 'own'
            accumulate=1,  # parts of a batch that are computed one by one; divides batch_size
            steps_per_dispatch=10,  # steps of one call of the device, 1 to 1000; on a CPU always 1
            joint=True,  # one pass of D for all views; False: one for each
            # data.fn: a function of one's own that reads the images, with its keywords.
            # data.autoencoder=dict(fn=...): one whose codes the networks see, by prepare --encode.
            data=dict(
                name='cifar10',  # a data set of `prepare`, or a path of images
                size=32,  # pixels of a side, 1 to 1024
                dir='',  # where prepared data lie; '' is $GAN_JAX_DATA, else ./data
                fraction=1.0,  # of each class, above 0, at most 1
                subset_seed=0,  # which images those are
            ),
            latent=dict(
                # Its distribution; or `uniform`, `truncated`, `gan_jax.instances.instances`.
                fn='gan_jax.latents.normal',
                dim=128,  # numbers of z, from 1
                labels='data',  # in its proportions, 'uniform', or of the 'real' images by index
            ),
            generator=dict(fn='gan_jax.models.sndcgan.Generator', width=1.0),
            discriminator=dict(fn='gan_jax.models.sndcgan.Trunk', width=1.0),
            logit=dict(fn='gan_jax.models.critic.Logit'),  # from features to one number an image
            # augment: the policies of real images, of all that D sees, and of views for terms ('':
            # none); shared=True: image i of reals and fakes meets one draw of `critic`, and not
            # draws of its own; the strength, in units of each operation, and the probability, 0 to
            # 1, of policies that name none.
            # terms: what the losses are made of, each with a weight; here the hinge loss alone.
            **method('none', policy='', strength=0.1),
            optim=dict(g=dict(adam), d=dict(adam)),
            ema=dict(
                halflife_images=1.0,  # of the generator's average, above 0; 1 is no average
                ramp=0.05,  # the half-life is at most this fraction of the images so far
            ),
            # Further averages, NAME=dict(halflife_images=, ramp=), or without a ramp, or with a std
            # of 0.001 to 0.3 alone: of those any std can be made after training. 'd' is D's, for
            # terms that look by it; others are G's, for `evaluate.weights`.
            averages=dict(),
            init=dict(
                workdir='',  # of a run whose networks this one begins with; '': new ones
                nets='g,d,ema',  # which: G, D and G's averages
                match='',  # of their arrays, those with this regular expression in the name
            ),
            # Parameters that never move: those with this regular expression in the name, such as
            # 'd/params/trunk/conv_[01]/'.
            freeze='',  # '': none
            # evaluate.NAME: metrics with an interval of their own, in steps from 1, by name as in
            # dict(metrics='fid10k_test', every=5000), or by path: dict(fn=..., every=500).
            evaluate=dict(
                metrics='fid10k_test',  # every `every.evaluate` steps, comma between two; '': none
                full='fid50k_train,is50k',  # likewise, every `every.full` steps
                num=10_000,  # generated images, 2 to 1,000,000; the paper's
                weights='ema',  # of the average, 'ema', another of `averages`, or G itself, 'raw'
                batch_norm='moving',  # its statistics: 'moving', 'batch' or 'standing(N)'
                unaugmented='',  # workdirs that the meter of leaks is calibrated with
            ),
            every=dict(  # each in steps, from 1
                log=100,
                sample=5000,
                evaluate=10_000,
                full=50_000,
                checkpoint=5000,
                snapshot=5000,  # of `averages` with a std; all are kept
                report=0,  # report.html; 0: in the end alone
            ),
            writers=dict(),  # further ones: wandb=dict(fn='gan_jax.run.wandb_writer.wandb')
            mesh=dict(
                data=-1,  # devices that divide the batch; -1 is all
                model=1,  # devices that divide the networks' channels
            ),
            dtype='float32',  # of the networks' arithmetic, or 'bfloat16'
        ),
        type_safe=False,  # a schedule may replace a number; the values are checked when it is read
    )
