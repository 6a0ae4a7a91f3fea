"""One thread each for torch and ONNX Runtime's maths: the networks of the tests are tiny, and runs stay comparable."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
