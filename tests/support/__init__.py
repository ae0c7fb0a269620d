"""Helpers that several test files share: plain modules without fixtures, one subject each."""
