"""What a browser opens: the card page, the widget, the documentation, and their files."""
