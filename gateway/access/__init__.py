"""Who may call: the caller's credential."""
