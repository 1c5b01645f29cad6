"""The review's widgets beside the canvas; they decide nothing."""
