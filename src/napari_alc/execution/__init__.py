"""Running the steps in other processes or on a cluster; knows neither Qt nor napari."""
