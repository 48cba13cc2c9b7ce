"""Other people's .h5 and .pkl files, read without executing anything in them."""
