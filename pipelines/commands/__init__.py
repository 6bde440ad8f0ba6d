"""One command of `espalier` a file, imported when it is called."""
