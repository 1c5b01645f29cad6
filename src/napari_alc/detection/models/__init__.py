"""The networks: presets, the compact Faster R-CNN, and the file of a trained detector."""
