"""Runs supervision cases that the real OTP ran before: `python -m tests.otp_conformance CASES.json`.

One JSON object per case and line goes to standard output: what was observed, never what was expected.
"""
