"""Training and running object detectors (torch); `settings` alone is free of torch."""
