"""Other tools on our problems, to measure against: see bench/protocols.py and bench/bugs.py."""
