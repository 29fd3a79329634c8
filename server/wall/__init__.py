"""What a school itself puts on its gate wall: what to do, who is on duty, its plans."""
