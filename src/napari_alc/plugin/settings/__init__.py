"""The page of a project's settings."""
