"""The node `/web`: uvicorn on the runtime's loop."""
