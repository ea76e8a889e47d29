"""What a running process does beside serving: watch its file, tell systemd, hold its pid file."""
