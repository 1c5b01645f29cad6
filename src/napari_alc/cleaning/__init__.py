"""The method: regions, consensus, selection, box-in-box, correction and budget (NumPy, SciPy)."""
