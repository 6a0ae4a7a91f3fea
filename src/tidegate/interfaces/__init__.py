"""What people and programs call: the Python functions, the command line, the demo."""
