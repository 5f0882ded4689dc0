"""The call card, the widget's frame in it, and the messages between the two."""
