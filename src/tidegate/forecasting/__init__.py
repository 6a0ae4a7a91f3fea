"""Forecasts of a Panel with NumPy and ONNX Runtime: the model file, the result, calibrated intervals."""
