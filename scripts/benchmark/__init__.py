"""What `make bench` measures, a module for each thing, and how."""
