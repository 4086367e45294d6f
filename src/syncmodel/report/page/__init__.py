"""Reports that are looked at: one HTML file for a run, and an index of many."""
