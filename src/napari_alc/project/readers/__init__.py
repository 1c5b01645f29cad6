"""Several people read the same images: sharing, majority and agreement."""
