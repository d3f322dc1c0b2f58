"""The control process: work in the background, which a worker would pay for with its slowest answers."""
