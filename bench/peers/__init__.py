"""Other tools on our problems, to be measured against: see protocols.py and bugs.py beside us."""
