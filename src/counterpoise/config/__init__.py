"""Settings read from YAML, turned into domain policies."""
