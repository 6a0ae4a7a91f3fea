"""Forecasts of more series than fit into memory: rows into buckets on disk, buckets through the model, parts out."""
