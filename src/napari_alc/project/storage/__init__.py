"""The store and the files beside it; the only room that knows SQLAlchemy."""
