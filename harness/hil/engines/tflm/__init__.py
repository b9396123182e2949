"""TensorFlow Lite Micro as an engine: a library that the user adds, and an adapter around it."""
