"""The paper's tables: its method and the others on the same data, detector, seeds and budget."""
