"""Active label cleaning: find the boxes worth an expert's minute, settle them in napari."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("napari-alc")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0.0.0"
