"""Scores become numbers that a stranger can check: intervals, repeats, comparisons, the benchmarks' own aggregates."""
