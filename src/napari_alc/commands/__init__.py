"""The commands of `napari-alc`; each is also an ordinary Python function."""
