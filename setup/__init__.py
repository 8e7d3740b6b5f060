"""The set-up: makes the environment that every other command runs in.

Standard library only: it runs on a bare Python 3.11.
"""
