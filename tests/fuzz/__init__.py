"""Coverage-guided fuzzing of every parser at the wall: `python -m tests.fuzz`, which needs atheris."""
