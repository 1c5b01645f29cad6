"""Running the steps of the method in another process; knows neither Qt nor napari."""
