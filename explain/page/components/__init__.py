"""The pieces that the page is made of: Gradio's components, ours, and changes of them."""
