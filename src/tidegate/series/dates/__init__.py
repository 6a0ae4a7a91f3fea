"""From stamps as they are written to instants, frequencies and regular grids."""
