"""The lines of boxes on the canvas: where they lie, and how the graphics card draws them."""
