"""Copies that tensorflow-datasets prepared, in ArrayRecord or TFRecord, read without TensorFlow."""
