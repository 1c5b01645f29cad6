"""What the manifest names for napari's own menus: reader and writer."""
