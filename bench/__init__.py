"""What is measured, against whom, and how to run it: see bench/README.md."""
