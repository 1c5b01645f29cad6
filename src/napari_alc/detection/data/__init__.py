"""Images as a detector sees them: read, scaled, kept, varied and cut into tiles."""
