"""A project on disk: its store, the steps of the method, the review and the export."""
