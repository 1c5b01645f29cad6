"""Pages and plot made from the figures that were measured."""
