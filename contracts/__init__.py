"""What agents and the server say to each other. A diff here is a wire change: the wire only grows."""
