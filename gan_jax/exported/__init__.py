"""A generator in a folder of its own: its weights, its network's config, its code, its card."""
