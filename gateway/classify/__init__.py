"""What a file is, judged by its content alone."""
