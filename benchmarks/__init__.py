"""sonmat beside its peers, measured; no part of the package that is installed."""
