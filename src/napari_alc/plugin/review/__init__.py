"""The page Review: state, controller and view."""
