"""An example shop with FastAPI."""
