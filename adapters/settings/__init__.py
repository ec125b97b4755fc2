"""What the environment sets: for each function, for the page, for a process of ours."""
