"""Training a detector: one run, its iterations, its record and its validation."""
