"""How good detections and label sets are against clean labels."""
