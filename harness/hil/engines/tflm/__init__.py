"""TensorFlow Lite Micro as an engine: a library that the user brings, and our adapter around it."""
