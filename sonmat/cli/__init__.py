"""The command line: one thin command per verb. Whatever is heavy is imported inside the command that needs it."""

from sonmat.cli.app import main as main
