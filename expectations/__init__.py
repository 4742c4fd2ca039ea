"""Great Expectations suites as functions, and their thresholds; imports nothing of ours, so every layer may use it."""
