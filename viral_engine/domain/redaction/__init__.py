"""Redaction: what identifies a person is found in a text and replaced by placeholders."""
