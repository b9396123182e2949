"""``python -m hil`` is the command ``hil``."""

from hil.cli.main import main

if __name__ == "__main__":
    main()
