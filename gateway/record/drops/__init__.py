"""What providers put into /keys and /agreement: what each drop means, and what follows from it."""
