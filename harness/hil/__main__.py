"""``python -m hil`` is the command ``hil``."""

from hil.cli.main import program

if __name__ == "__main__":
    program()
