"""What the gateway costs: mock providers, load generators, scenarios, peers and the report."""
