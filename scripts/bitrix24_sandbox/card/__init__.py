"""The call card, the frame of its widget, and the messages between them."""
