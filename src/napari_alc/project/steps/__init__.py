"""The steps of the method on a project, one module each."""
