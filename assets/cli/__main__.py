"""``python -m assets.cli``: the command line under an interpreter of the caller's choice."""

from assets.cli.main import main

if __name__ == "__main__":
    main()
