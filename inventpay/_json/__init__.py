"""Read JSON into models and write models' values as JSON."""
