"""The clean dataset as files, with its datasheet."""
