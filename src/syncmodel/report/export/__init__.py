"""A recorded run in the forms that other checkers read, one file each.

`calls` has what was asked and seen, with its place in time; `jepsen` and `elle` make histories of
it, and `edn` writes them.
"""
