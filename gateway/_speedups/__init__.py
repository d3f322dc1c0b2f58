"""Compiled parts of the gateway; their sources are in `_speedups/`, built by `make build`."""
