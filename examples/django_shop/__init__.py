"""An example shop with Django."""
