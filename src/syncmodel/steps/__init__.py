"""The vocabulary of a run, one family of steps per file, and its JSON form."""
