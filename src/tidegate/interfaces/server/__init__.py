"""`tidegate serve`: forecasts over HTTP. `app.create_app` builds it; everything else here is one concern a file."""
