"""Beyond the paper: the probability that a box is an object, and what follows from it."""
