"""`python -m sonmat`, the same as the command `sonmat`."""

from sonmat.cli.app import main

if __name__ == "__main__":
    main()
