"""What the runtime must not do: each rule as a change of its source, and the test that goes red on it.

`tests/runtime/test_semantics.py` makes each change in a copy of the package and runs that test against the copy.
"""
