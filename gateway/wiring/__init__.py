"""From parts of the configuration to parts of a worker; called by `app` alone."""
