"""Reports on a project: data, tables, plots and pages."""
