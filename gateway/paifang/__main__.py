"""`python -m paifang`, the same as the `paifang` command."""

from paifang.cli import main

if __name__ == "__main__":
    main()
