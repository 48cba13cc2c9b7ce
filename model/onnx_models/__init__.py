"""ONNX files and folders of the Hugging Face Hub made into model folders, of which nothing but the network is run."""
