"""Memory and time of a config on devices that are not here."""
