"""Ingredients of synthetic series, batched and seeded: random draws, seasons, paths, and the shapes of real data."""
