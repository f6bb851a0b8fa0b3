"""The logic of the benchmarks; nothing here is timed."""
