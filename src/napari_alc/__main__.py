"""`python -m napari_alc`: the program, as the jobs start it."""

from napari_alc.cli import main

if __name__ == "__main__":
    main()
