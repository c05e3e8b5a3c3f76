"""Pages people look at: one self-contained HTML file, drawn in the browser by Plotly, which is inside it."""
