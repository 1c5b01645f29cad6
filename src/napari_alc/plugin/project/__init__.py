"""The page Project: open, make and preview a project."""
