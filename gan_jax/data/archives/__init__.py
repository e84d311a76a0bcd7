"""Data sets from their publishers' files: the table of them, and a reader for each format."""
