"""The page's components: Gradio's, our extensions, and changes of them."""
