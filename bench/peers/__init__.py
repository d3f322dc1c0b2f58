"""Other gateways to compare with: any by URL, and two that can be installed and started here."""
