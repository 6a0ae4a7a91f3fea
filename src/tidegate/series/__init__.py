"""What a time series is: panels of many series, files and frames, the calendar, small synthetic series."""
