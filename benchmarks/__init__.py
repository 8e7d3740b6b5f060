"""What is claimed to be faster, beside what it is claimed to be faster than, in one run.

`python -m benchmarks.NAME` prints a table; nothing here is a test.
"""
