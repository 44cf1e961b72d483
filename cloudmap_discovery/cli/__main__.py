"""Runs the command line as `python -m cloudmap_discovery.cli`."""

import sys

from cloudmap_discovery.cli import main

if __name__ == "__main__":
    sys.exit(main())
