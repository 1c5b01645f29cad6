"""The review's keys."""
