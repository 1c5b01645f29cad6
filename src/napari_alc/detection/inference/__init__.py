"""Running a trained detector: predictions, and what its second stage says of boxes."""
