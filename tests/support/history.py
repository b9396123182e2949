"""Databases with a long history: templates through the store, copies of them by SQL."""
