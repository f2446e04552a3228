"""`python -m sonmat.cli`."""

from sonmat.cli.app import main

if __name__ == "__main__":
    main()
