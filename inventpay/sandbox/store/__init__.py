"""The sandbox's store: one shop with products, key pools and orders."""
