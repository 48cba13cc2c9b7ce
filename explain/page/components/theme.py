"""How the page looks."""

import gradio as gr

from model.paths import ROOT

# Served by the page itself; the package's semi-bold cut of this font has few letters, so the bold cut is used instead.
FONT = (gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif")
THEME = gr.themes.Soft(primary_hue="teal", neutral_hue="slate", radius_size="lg", font=FONT).set(
    # Gradio's own subdued grey is too pale to read on white (contrast 2.6, required 4.5).
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_400",
    block_border_width="1px",
    checkbox_border_width="1px",
    checkbox_border_color="*neutral_400",
    checkbox_label_border_width="1px",
    input_border_width="1px",
    block_label_text_color="*primary_700",
    block_title_text_color="*primary_700",
    # Its own greens are too pale under white letters, and its links too dark on dark.
    block_label_background_fill_dark="*primary_700",
    block_title_background_fill_dark="*primary_700",
    checkbox_label_background_fill_selected="*primary_700",
    checkbox_label_background_fill_selected_dark="*primary_700",
    checkbox_label_background_fill_hover_dark="*neutral_700",
    checkbox_label_text_color_selected="white",
    checkbox_label_text_color_selected_dark="white",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_hover_dark="*primary_800",
    link_text_color="*primary_700",
    link_text_color_dark="*primary_300",
    link_text_color_visited="*primary_700",
    link_text_color_visited_dark="*primary_300",
    link_text_color_hover="*primary_800",
    link_text_color_hover_dark="*primary_200",
    input_placeholder_color_dark="*neutral_300",
)
ASSETS = ROOT / "explain" / "page" / "assets"
# Charts and clips look the same on the page and in reports.
TEMPLATES = ROOT / "explain" / "html" / "templates"
CSS = [ASSETS / "page.css", TEMPLATES / "charts.css", TEMPLATES / "clip" / "clip.css"]
HEAD, SCRIPTS = ASSETS / "head.html", [ASSETS / "page.js", ASSETS / "names.js"]
