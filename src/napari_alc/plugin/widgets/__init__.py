"""Widgets that several pages share; they know no project."""
