"""What the selection strategies ask a detector for, beyond its detections."""
