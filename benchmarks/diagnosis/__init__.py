"""Does `sonmat diagnose` name planted faults, and leave healthy runs in peace? Run it with `python -m benchmarks.diagnosis`."""
