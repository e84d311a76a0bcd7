"""From a config file to a compiled train step: read, check, build."""
