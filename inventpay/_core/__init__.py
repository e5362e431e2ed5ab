"""Small parts that depend on nothing else of this package."""
