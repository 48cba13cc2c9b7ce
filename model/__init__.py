"""What the photo shows: decoding, faces, networks, training and evaluation."""
