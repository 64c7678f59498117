"""What all pages share, whoever serves them: the guard, the server, how a box looks."""

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
