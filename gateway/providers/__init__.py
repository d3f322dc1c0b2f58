"""Who serves models: vendors as data, how to reach and authenticate to them, what their models cost."""
