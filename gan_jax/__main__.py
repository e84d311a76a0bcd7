"""Every command of gan_jax by its name: python -m gan_jax COMMAND"""

from gan_jax.commands import main

if __name__ == '__main__':
    main()
