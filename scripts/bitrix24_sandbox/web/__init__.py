"""The pages: the card, the demonstration widget, the documentation, and their files."""
