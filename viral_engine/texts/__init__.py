"""What redaction and content share: texts that are worked on in a process of their own."""
