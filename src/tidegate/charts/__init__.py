"""One chart kit, arrays in: a chart is described once (chart.py), then drawn on a page (page.py) or as a picture."""
