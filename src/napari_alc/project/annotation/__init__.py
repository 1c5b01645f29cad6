"""What people do: documents, decisions, tasks, readings, sessions and their time."""
