"""The review's layers in napari's viewer."""
