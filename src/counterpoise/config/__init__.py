"""From a YAML file to policies: units, secrets, cross checks; every problem at once, each with its place.

``load.load(path)`` returns :class:`~counterpoise.config.settings.Settings`. pydantic and ruamel.yaml stay in
here. Nothing of this package touches the network or the database.
"""
