"""Rows of the tables: what there is to compute, computed in processes, and kept."""
