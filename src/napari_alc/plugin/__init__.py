"""The napari plugin: dock widget, reader, writer and sample projects.

Nothing here imports torch: training and prediction run in a child process (`napari_alc.execution`).
"""
