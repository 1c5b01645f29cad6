"""The page Iterate: train, predict, select, stop, correct, export."""
